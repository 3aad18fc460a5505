"""Mails whose oddity stands in a header: missing, doubled or badly written fields, names of files."""

from tests.mail.pieces import ALICE, BOB, PDF, b64, crlf, file, joined, mail, part, plain, text, top

_BODY = crlf("A short text.\n")


def _without(name: str) -> bytes:
    lines = top(f"Without {name}", "Content-Type: text/plain").splitlines(keepends=True)
    return (
        b"".join(line for line in lines if not line.lower().startswith(name.lower().encode() + b":")) + b"\r\n" + _BODY
    )


def _named(subject: str, *fields: str | bytes, body: bytes = PDF) -> bytes:
    odd = part(*fields, "Content-Transfer-Encoding: base64", body=b64(body))
    return mail(subject, "mixed", text("The name of the file is odd."), odd)


HEADERS: dict[str, bytes] = {
    "no-date": _without("Date"),
    "no-message-id": _without("Message-ID"),
    "no-subject": _without("Subject"),
    "no-from": _without("From"),
    "no-mime-version": _without("MIME-Version"),
    "no-content-type": top("No content type") + b"\r\n" + _BODY,
    "bad-date": top("A date that cannot be").replace(
        b"Tue, 14 Jul 2026 09:30:00 -0400", b"Thu, 32 Foo 0000 25:61:99 +9999"
    )
    + b"\r\n"
    + _BODY,
    "repeated-message-id-a": plain("Program report", crlf("Report of Monday.\n")).replace(
        b"<programreport.0@agency.example>", b"<always-the-same@program.example>"
    ),
    "repeated-message-id-b": plain("Program report", crlf("Report of Tuesday, another content.\n")).replace(
        b"<programreport.0@agency.example>", b"<always-the-same@program.example>"
    ),
    "odd-message-id": plain("Odd id", _BODY).replace(
        b"<oddid.0@agency.example>", b"<[0a1b2c-[3d]]@microsoft.example> (x)"
    ),
    "8bit-headers": top(
        "x",
        b"X-Note: K\xf6ln",
        "Content-Type: text/plain; charset=iso-8859-1",
        "Content-Transfer-Encoding: 8bit",
    ).replace(b"Subject: x", b"Subject: Gr\xfc\xdfe aus K\xf6ln")
    + b"\r\nGr\xfc\xdfe\r\n",
    "utf8-headers": plain("Grüße 日本語 naïve", _BODY).replace(b"Bob Outside", "Bøb Öutside".encode()),
    "two-content-types": top("Two content types", "Content-Type: text/plain", "Content-Type: text/html")
    + b"\r\n"
    + crlf("<p>Text or markup?</p>\n"),
    "two-from-lines": top("Two From lines", "From: Eve <eve@example.net>", "Content-Type: text/plain")
    + b"\r\n"
    + _BODY,
    "folded-subject": plain("A subject that\r\n goes on\r\n\tand on, over three lines", _BODY),
    "emoji-subject": plain(
        "=?utf-8?B?8J+RqOKAjfCfkanigI3wn5GnIGZhbWlseSDwn46J?=\r\n =?utf-8?Q?_caf=C3=A9_=F0=9F=8F=B3=EF=B8=8F?=", _BODY
    ),
    "split-character-in-subject": plain("=?utf-8?b?w6?= =?utf-8?b?kg?= cut in two", _BODY),
    "encoded-line-break-in-subject": plain("=?utf-8?Q?Hello=0D=0ABcc:_eve@example.net?=", _BODY),
    "long-reference-list": plain(
        "A long thread",
        _BODY,
        "References: " + "\r\n ".join(f"<{number}.thread@agency.example>" for number in range(60)),
    ),
    "many-recipients": plain("To many", _BODY).replace(
        f"To: {BOB}".encode(),
        b"To: " + b",\r\n ".join(b'"Person, Number %d" <p%d@example.org>' % (n, n) for n in range(200)),
    ),
    "group-recipients": plain("To a group", _BODY).replace(
        f"To: {BOB}".encode(), b"To: undisclosed-recipients:;\r\nCc: Team: carol@example.org, Dave <dave@example.org>;"
    ),
    "quoted-comma-name": plain("Comma in a name", _BODY).replace(
        f"From: {ALICE}".encode(), b'From: "Example, Alice \\"Al\\"" (home) <alice@agency.example>'
    ),
    "auto-submitted": plain("Out of office", _BODY, "Auto-Submitted: auto-replied", "Precedence: bulk"),
    "exchange-headers": plain(
        "With what Exchange adds",
        _BODY,
        "Received: from mail.inside.example (10.1.2.3) by mail.inside.example (10.1.2.4)\r\n with mapi; Tue",
        "X-MS-Exchange-Organization-AuthAs: Internal",
        "X-MS-Exchange-Organization-SCL: -1",
        "X-Originating-IP: [10.1.2.5]",
        "Bcc: Dave <dave@example.org>",
        "Thread-Topic: With what Exchange adds",
        "Content-Language: en-US",
    ),
    "subject-with-blank-before-colon": plain("Blank before the colon", _BODY).replace(b"Subject:", b"Subject :"),
    "tag-in-the-middle": plain("About the [ Secure ] case", _BODY),
    "rfc2231-names": mail(
        "Names by RFC 2231",
        "mixed",
        text(),
        part(
            "Content-Type: application/pdf",
            "Content-Disposition: attachment; filename=\"fallback.pdf\"; filename*=utf-8''r%C3%A9el%20%E2%82%AC.pdf",
            "Content-Transfer-Encoding: base64",
            body=b64(PDF),
        ),
        part(
            "Content-Type: application/pdf",
            "Content-Disposition: attachment;\r\n filename*1*=%C3%A4nge.pdf;\r\n filename*0*=utf-8''gro%C3%9Fe%20L",
            "Content-Transfer-Encoding: base64",
            body=b64(PDF + b"2"),
        ),
    ),
    "misencoded-name": _named(
        "A name in encoded words",
        'Content-Type: application/pdf; name="=?utf-8?B?UsOpc3Vtw6kucGRm?="',
        'Content-Disposition: attachment;\r\n filename="=?utf-8?B?UsOpc3Vtw6kg?=\r\n =?utf-8?B?MjAyNi5wZGY=?="',
    ),
    "raw-8bit-name": _named(
        "A name in raw bytes",
        "Content-Type: application/pdf",
        b'Content-Disposition: attachment; filename="\xdcbersicht.pdf"',
    ),
    "path-in-name": _named(
        "A path as a name",
        "Content-Type: application/pdf",
        'Content-Disposition: attachment; filename="..\\\\..\\\\Windows\\\\CON.pdf"',
    ),
    "bidi-file-name": _named(
        "A name that turns round",
        "Content-Type: application/octet-stream",
        "Content-Disposition: attachment; filename*=utf-8''invoice%E2%80%AEfdp.exe",
    ),
    "unquoted-name": _named(
        "A name without quotes",
        "Content-Type: application/pdf",
        "Content-Disposition: attachment; filename=my file (1).pdf; size=200",
    ),
    "long-file-name": _named(
        "A very long name",
        "Content-Type: application/pdf",
        'Content-Disposition: attachment; filename="' + "long name " * 60 + '.pdf"',
    ),
    "nameless-attachment": _named("No name at all", "Content-Type: application/pdf", "Content-Disposition: attachment"),
    "same-file-name-twice": mail(
        "One name, two files",
        "mixed",
        text(),
        file("application/pdf", "report.pdf", PDF),
        file("application/pdf", "Report.pdf", PDF + b"another"),
        file("application/pdf", "report.pdf", PDF + b"third"),
    ),
    "same-file-twice": mail(
        "One file, twice", "mixed", text(), file("application/pdf", "a.pdf", PDF), file("application/pdf", "a.pdf", PDF)
    ),
    "wrong-content-type": mail(
        "A type that is none",
        "mixed",
        text(),
        part('Content-Type: pdf; name="a.pdf"', "Content-Transfer-Encoding: base64", body=b64(PDF)),
        part(
            'Content-Type: x/y z; name="b.pdf"',
            "Content-Disposition: attachment",
            "Content-Transfer-Encoding: base64",
            body=b64(PDF + b"b"),
        ),
    ),
    "odd-transfer-encoding": top("An encoding oddly written", 'Content-Type: multipart/mixed; boundary="=_outer"')
    + b"\r\n"
    + joined(
        "=_outer",
        text(),
        part(
            'Content-Type: application/pdf; name="a.pdf"',
            "Content-Disposition: attachment",
            'Content-Transfer-Encoding: "base64" (as usual)',
            body=b64(PDF),
        ),
    ),
    "unknown-transfer-encoding": mail(
        "An encoding nobody knows",
        "mixed",
        text(),
        part(
            'Content-Type: application/x-thing; name="a.thing"',
            "Content-Disposition: attachment",
            "Content-Transfer-Encoding: x-rot47",
            body=crlf("E96 4@?E6?E\n"),
        ),
    ),
    "html-in-subject": plain("<script>alert(1)</script> &amp; <b>bold</b>", _BODY),
    "html-alone-without-charset": top("No charset", "Content-Type: text/html", "Content-Transfer-Encoding: 8bit")
    + b'\r\n<html><head><meta charset="utf-8"></head><body><p>gr\xc3\xbc\xc3\x9fe</p></body></html>\r\n',
}
