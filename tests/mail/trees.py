"""Mails whose oddity is how their parts hang together, or what kind of thing a part is."""

from tests.mail.pieces import GIF, PDF, PNG, ZIP, b64, crlf, file, html, joined, mail, multi, part, text, top

_ALTERNATIVE = multi("alternative", "=_alt", text("In plain."), html("<p>In <b>html</b>.</p>"))
_INNER_MAIL = crlf(
    "From: Carol <carol@example.org>\nTo: Alice <alice@agency.example>\nSubject: The forwarded one / part 1\n"
    "Bcc: dave@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=inner\n\n"
    "--inner\nContent-Type: text/plain\n\nInner text.\n--inner\nContent-Type: application/pdf; name=inner.pdf\n"
    "Content-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n--inner--\n"
)
_CALENDAR = crlf(
    "BEGIN:VCALENDAR\nMETHOD:REQUEST\nPRODID:-//example//EN\nVERSION:2.0\nBEGIN:VEVENT\nUID:1@agency.example\n"
    "DTSTART:20260720T130000Z\nDTEND:20260720T140000Z\nSUMMARY:Meeting\nORGANIZER:mailto:alice@agency.example\n"
    "END:VEVENT\nEND:VCALENDAR\n"
)
_STATUS = crlf(
    "Reporting-MTA: dns; mail.example.org\n\nFinal-Recipient: rfc822; no@example.org\nAction: failed\nStatus: 5.1.1\n"
)


def _picture(cid: str, content: bytes = PNG, type_: str = "image/png", name: str = "image001.png") -> bytes:
    return file(type_, name, content, f"Content-ID: <{cid}>", disposition="inline")


def _nested(depth: int) -> bytes:
    inner = text(f"At the bottom of {depth} levels.")
    for level in range(depth, 0, -1):
        inner = multi("mixed", f"=_level{level}", inner)
    return inner


def _outlook() -> bytes:
    related = multi("related", "=_rel", html('<p>Look: <img src="cid:image001@x"></p>'), _picture("image001@x"))
    alternative = multi("alternative", "=_alt", text("Look: [cid]"), related)
    return mail("Outlook's tree", "mixed", alternative, file("application/pdf", "a.pdf", PDF))


def _tnef() -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00\x01\x06\x90\x08\x00\x04\x00\x00\x00\x00\x00\x01\x00\x01\x00"


def _oversized_boundary() -> bytes:
    boundary = "b" * 70
    return (
        top("A boundary of 70", f'Content-Type: multipart/mixed; boundary="{boundary}"')
        + b"\r\n"
        + joined(boundary, text(), file("application/pdf", "a.pdf", PDF))
    )


TREES: dict[str, bytes] = {
    "plain-and-html": top("Both views", 'Content-Type: multipart/alternative; boundary="=_alt"')
    + b"\r\n"
    + joined("=_alt", text("In plain."), html("<p>In <b>html</b>.</p>")),
    "html-cid-images": mail(
        "Pictures in the text",
        "related",
        html('<p><img src="cid:one@x"> and <img src="CID:two%40x"> and <img src="cid:dangling@x"></p>'),
        _picture("one@x"),
        _picture("two@x", GIF, "application/octet-stream", "two.gif"),
        _picture("never-used@x", PNG + b"\0", "image/png", "unused.png"),
        parameters='; type="text/html"',
    ),
    "svg-as-cid-image": mail(
        "A picture that is a program",
        "related",
        html('<img src="cid:evil@x">'),
        _picture(
            "evil@x", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "image/svg+xml", "a.svg"
        ),
    ),
    "related-with-start": mail(
        "The root is not first",
        "related",
        _picture("first@x"),
        html('<p>Root: <img src="cid:first@x"></p>', "Content-ID: <root@x>"),
        parameters='; start="<root@x>"',
    ),
    "apple-mail-mixed-inline": mail(
        "Apple's tree",
        "alternative",
        text("Before.\n\nAfter."),
        multi(
            "mixed",
            "=_apple",
            html("<p>Before the file.</p>"),
            file("application/pdf", "between.pdf", PDF, disposition="inline"),
            html("<p>After the file.</p>"),
        ),
    ),
    "inline-image-between-texts": mail(
        "A picture between texts",
        "mixed",
        text("Before."),
        file("image/png", "between.png", PNG, disposition="inline"),
        text("After."),
    ),
    "outlook-related-in-alternative": _outlook(),
    "alternative-with-pdf": mail(
        "A view that is a file", "alternative", text("Text."), file("application/pdf", "v.pdf", PDF)
    ),
    "alternative-with-amp": mail(
        "Three views",
        "alternative",
        text("Text."),
        part("Content-Type: text/x-amp-html; charset=utf-8", body=crlf("<html amp4email></html>\n")),
        html("<p>Html.</p>"),
    ),
    "calendar-invitation": mail(
        "Meeting",
        "alternative",
        text("When: Monday"),
        html("<p>When: Monday</p>"),
        part("Content-Type: text/calendar; charset=utf-8; method=REQUEST", body=_CALENDAR),
    ),
    "vcard": mail(
        "A card",
        "mixed",
        text(),
        part("Content-Type: text/x-vcard; name=bob.vcf", body=crlf("BEGIN:VCARD\nFN:Bob\nEND:VCARD\n")),
    ),
    "signed-smime": mail(
        "Signed",
        "signed",
        text("This text is signed."),
        file("application/pkcs7-signature", "smime.p7s", bytes(range(200))),
        parameters='; protocol="application/pkcs7-signature"; micalg=sha-256',
    ),
    "encrypted-smime": top(
        "Encrypted with S/MIME",
        'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
        'Content-Disposition: attachment; filename="smime.p7m"',
        "Content-Transfer-Encoding: base64",
    )
    + b"\r\n"
    + b64(bytes(range(256))),
    "encrypted-pgp": mail(
        "Encrypted with PGP",
        "encrypted",
        part("Content-Type: application/pgp-encrypted", body=crlf("Version: 1\n")),
        part(
            'Content-Type: application/octet-stream; name="encrypted.asc"',
            body=crlf("-----BEGIN PGP MESSAGE-----\n\nhQEMA0\n=abcd\n-----END PGP MESSAGE-----\n"),
        ),
        parameters='; protocol="application/pgp-encrypted"',
    ),
    "encrypted-rpmsg": mail(
        "Protected by rights management",
        "mixed",
        text("You need a program to read this."),
        file("application/x-microsoft-rpmsg-message", "message.rpmsg", bytes(range(100))),
    ),
    "tnef-winmail": mail("With winmail.dat", "mixed", text(), file("application/ms-tnef", "winmail.dat", _tnef())),
    "forwarded-rfc822": mail(
        "Fw: the forwarded one",
        "mixed",
        text("See the mail below."),
        part("Content-Type: message/rfc822", body=_INNER_MAIL),
    ),
    "forwarded-without-text": top("Fw: alone", "Content-Type: message/rfc822") + b"\r\n" + _INNER_MAIL,
    "forwarded-in-base64": mail(
        "Fw: in base64",
        "mixed",
        text(),
        part(
            'Content-Type: message/rfc822; name="inner.eml"', "Content-Transfer-Encoding: base64", body=b64(_INNER_MAIL)
        ),
    ),
    "delivery-report": mail(
        "Undeliverable",
        "report",
        text("Your mail could not be delivered."),
        part("Content-Type: message/delivery-status", body=_STATUS),
        part("Content-Type: message/rfc822", body=_INNER_MAIL),
        parameters="; report-type=delivery-status",
    ),
    "delivery-report-headers-only": mail(
        "Undeliverable, headers only",
        "report",
        text("Your mail could not be delivered."),
        part("Content-Type: message/delivery-status", body=_STATUS),
        part("Content-Type: text/rfc822-headers", body=crlf("From: alice@agency.example\nSubject: The lost one\n")),
        parameters="; report-type=delivery-status",
    ),
    "read-receipt": mail(
        "Read: your mail",
        "report",
        text("Your mail was read."),
        part(
            "Content-Type: message/disposition-notification",
            body=crlf(
                "Final-Recipient: rfc822;bob@example.org\n"
                "Disposition: automatic-action/MDN-sent-automatically; displayed\n"
            ),
        ),
        parameters="; report-type=disposition-notification",
    ),
    "digest": mail(
        "Digest",
        "mixed",
        text("Two mails."),
        multi(
            "digest",
            "=_digest",
            part(body=crlf("From: a@example.org\nSubject: First of the digest\n\nOne.\n")),
            part(body=crlf("From: b@example.org\nSubject: Second of the digest\n\nTwo.\n")),
        ),
    ),
    "message-partial": top("Part 1 of 2", 'Content-Type: message/partial; id="x@y"; number=1; total=2')
    + b"\r\n"
    + crlf("From: alice@agency.example\nSubject: The whole\n\nBeginning of the te\n"),
    "external-body": mail(
        "It lies elsewhere",
        "mixed",
        text(),
        part(
            'Content-Type: message/external-body; access-type=URL; URL="https://evil.example/x"',
            body=crlf("Content-Type: application/pdf\nContent-ID: <far@x>\n\n"),
        ),
    ),
    "applefile": mail(
        "From an old Mac",
        "mixed",
        text(),
        multi(
            "appledouble",
            "=_double",
            file("application/applefile", "%a.pdf", b"\x00\x05\x16\x07\x00\x02\x00\x00" + bytes(20)),
            file("application/pdf", "a.pdf", PDF),
        ),
    ),
    "broken-boundary": top("Another boundary than said", 'Content-Type: multipart/mixed; boundary="said"')
    + b"\r\n"
    + joined("used", text("The text."), file("application/pdf", "a.pdf", PDF)),
    "multipart-without-boundary": top("No boundary said", "Content-Type: multipart/mixed")
    + b"\r\n"
    + joined("used", text("The text."), file("application/pdf", "a.pdf", PDF)),
    "multipart-without-parts": top("A multipart that is text", 'Content-Type: multipart/mixed; boundary="never"')
    + b"\r\n"
    + crlf("There is only text here.\n\nNo part begins.\n"),
    "empty-multipart": mail("A multipart with nothing in it", "mixed"),
    "missing-end-boundary": top("Cut off", 'Content-Type: multipart/mixed; boundary="=_outer"')
    + b"\r\n"
    + joined("=_outer", text("The text."), file("application/pdf", "a.pdf", PDF), end=False),
    "missing-inner-end": top("Inner end missing", 'Content-Type: multipart/mixed; boundary="=_outer"')
    + b"\r\n"
    + joined(
        "=_outer",
        part(
            'Content-Type: multipart/alternative; boundary="=_inner"',
            body=joined("=_inner", text("Plain."), html("<p>Html.</p>"), end=False).removesuffix(b"\r\n"),
        ),
        file("application/pdf", "a.pdf", PDF),
    ),
    "part-after-end": top("A part behind the end", 'Content-Type: multipart/mixed; boundary="=_outer"')
    + b"\r\n"
    + joined("=_outer", text("The text."))
    + joined("=_outer", file("application/pdf", "late.pdf", PDF)),
    "prefix-boundaries": mail(
        "Boundaries that begin alike",
        "mixed",
        multi("alternative", "=_outer2", text("Plain."), html("<p>Html.</p>")),
        text("End."),
    ),
    "near-boundaries": mail(
        "Lines like boundaries",
        "mixed",
        text("--=_oute\n--=_outerx\n ---=_outer\n--\n--=_outer--x\nend"),
        file("application/zip", "a.zip", ZIP),
    ),
    "long-boundary": _oversized_boundary(),
    "boundary-with-blanks-behind": mail(
        "Blanks behind", "mixed", text("The text."), file("application/pdf", "a.pdf", PDF)
    ).replace(b"--=_outer\r\n", b"--=_outer \t \r\n"),
    "nested-multiparts": mail("Twelve levels", "mixed", _nested(12), file("application/pdf", "a.pdf", PDF)),
    "300-parts": mail(
        "Three hundred parts",
        "mixed",
        text(),
        *(file("text/csv", f"{number}.csv", b"a,%d\n" % number) for number in range(299)),
    ),
    "empty-attachment": mail("A file of no bytes", "mixed", text(), file("application/octet-stream", "empty.bin", b"")),
    "text-files": mail(
        "Files that are text",
        "mixed",
        text("The text."),
        file("text/plain", "notes.txt", b"notes\n"),
        file("text/html", "page.html", b"<script>1</script>\n"),
        file("text/csv", "table.csv", b"a,b\n"),
    ),
    "inline-text-file": mail(
        "A text file that is shown",
        "mixed",
        text("The text."),
        file("text/plain", "shown.txt", b"shown\n", disposition="inline"),
    ),
    "parallel": mail("Unknown kind", "x-unknown", _ALTERNATIVE, file("image/png", "p.png", PNG)),
    "executable-attachment": mail(
        "A program", "mixed", text(), file("application/x-msdownload", "setup.exe", b"MZ" + bytes(range(256)))
    ),
    "message-in-message-in-message": mail(
        "Deep forwards",
        "mixed",
        text(),
        part(
            "Content-Type: message/rfc822",
            body=crlf("From: x@example.org\nSubject: middle\nContent-Type: message/rfc822\n\n") + _INNER_MAIL,
        ),
    ),
}
