"""Mails whose oddity is how a text or a file is written: charsets, transfer encodings, line ends."""

# ruff: noqa: RUF001 - letters of other scripts are what these mails are about
import base64
import binascii

from tests.mail.pieces import PDF, b64, crlf, html, joined, mail, part, plain, text, top


def _in(charset: str, label: str, words: str, encoding: str = "8bit") -> bytes:
    head = top(f"In {label}", f"Content-Type: text/plain; charset={label}", f"Content-Transfer-Encoding: {encoding}")
    data = words.encode(charset)
    return head + b"\r\n" + (b64(data) if encoding == "base64" else data)


def _uuencoded(data: bytes, name: str) -> bytes:
    lines = [binascii.b2a_uu(data[at : at + 45]).rstrip(b"\n") for at in range(0, len(data), 45)]
    return b"\r\n".join([f"begin 644 {name}".encode(), *lines, b"`", b"end", b""])


def _attached(subject: str, body: bytes, encoding: str = "base64", name: str = "data.bin") -> bytes:
    odd = part(
        f'Content-Type: application/octet-stream; name="{name}"',
        f'Content-Disposition: attachment; filename="{name}"',
        f"Content-Transfer-Encoding: {encoding}",
        body=body,
    )
    return mail(subject, "mixed", text(), odd)


_EVERY_BYTE = bytes(range(256)) * 3

BODIES: dict[str, bytes] = {
    "empty-body": plain("Empty body", b""),
    "no-body-at-all": top("No body at all", "Content-Type: text/plain"),
    "only-blank-lines": plain("Only blank lines", b"\r\n\r\n\r\n"),
    "iso-2022-jp": _in("iso2022_jp", "iso-2022-jp", "会議の資料を送ります。\r\nよろしくお願いします。\r\n", "7bit"),
    "shift-jis": _in("cp932", "shift_jis", "①番の書類を髙橋さんへ。\r\n"),
    "koi8-r": _in("koi8_r", "koi8-r", "Привет! Посылаю документы.\r\n"),
    "gb2312": _in("gb18030", "gb2312", "您好，朱镕基的文件€在附件中。\r\n"),
    "euc-kr": _in("cp949", "ks_c_5601-1987", "안녕하세요, 똠방각하 파일입니다.\r\n"),
    "big5": _in("big5hkscs", "big5", "請查收附件。\r\n", "base64"),
    "utf-7": _in("utf_7", "utf-7", "Grüße – <script>alert(1)</script>\r\n", "7bit"),
    "utf-16-text": _in("utf_16", "utf-16", "Sixteen bits: Grüße\r\n", "base64"),
    "windows-1252-c1": _in("cp1252", "iso-8859-1", "“Quotes”, a dash – and 5 €\r\n"),
    "windows-1255-hebrew": _in("cp1255", "windows-1255", "שלום, המסמכים מצורפים.\r\n", "base64"),
    "unknown-charset": _in("utf-8", "x-no-such-charset", "Grüße from nowhere\r\n"),
    "rot13-charset": _in("ascii", "rot13", "Uryyb stays as it is\r\n", "7bit"),
    "ascii-label-utf8-bytes": _in("utf-8", "us-ascii", "Not ASCII: naïve café\r\n"),
    "byte-order-mark": _in("utf-8-sig", "utf-8", "A mark stands in front\r\n"),
    "qp-soft-breaks": plain(
        "Soft line breaks",
        b"A long line that is broken softly=\r\n and goes on, with caf=C3=A9, a=3Db, =\r\n"
        b"and a blank at the end:=20\r\n"
        b"lower case =c3=a9, a lone =, =ZZ, and the end =",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    ),
    "qp-binary": _attached(
        "A file in quoted-printable", binascii.b2a_qp(_EVERY_BYTE, istext=False), "quoted-printable"
    ),
    "odd-base64": _attached("Base64 with a digit too many", b64(_EVERY_BYTE).rstrip(b"\r\n=") + b"AAA\r\nAA\r\n"),
    "base64-with-footer": _attached(
        "Base64 and a footer", b64(PDF) + crlf("_____________\nThis list is read by nobody.\n"), name="report.pdf"
    ),
    "base64-with-junk": _attached(
        "Base64 with junk inside", b64(_EVERY_BYTE).replace(b"\r\n", b" !\r\n"), name="junk.bin"
    ),
    "base64-without-padding": _attached("Base64 without padding", b64(PDF + b"12").rstrip(b"=\r\n") + b"\r\n"),
    "base64-two-blocks": _attached("Two blocks of base64", b64(b"first") + b64(b"second")),
    "base64-one-line": _attached("Base64 in one line", base64.b64encode(_EVERY_BYTE * 20) + b"\r\n"),
    "base64-text": plain(
        "Text in base64",
        b64(crlf("Text in base64.\nSecond line.\n")),
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: BASE64",
    ),
    "uuencode": _attached("A file in uuencode", _uuencoded(_EVERY_BYTE, "data.bin"), "x-uuencode"),
    "uuencode-in-text": plain(
        "Uuencode in the text", b"Here it is:\r\n\r\n" + _uuencoded(PDF, "a.pdf") + b"\r\nBye\r\n"
    ),
    "binary-attachment": _attached("A file as it is", _EVERY_BYTE, "binary"),
    "format-flowed": plain(
        "Flowed text",
        crlf("A paragraph that \nflows over \nthree lines.\n\n> a quotation \n> that flows\n-- \nAlice\n"),
        "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=no",
    ),
    "markdown-text": plain(
        "Markdown", crlf("# Heading\n\n* one\n* two\n"), "Content-Type: text/markdown; charset=utf-8"
    ),
    "long-lines": plain("Long lines", b"word " * 8000 + b"\r\n" + b"x" * 20000 + b"\r\n"),
    "lf-only": plain("Lines end with LF", crlf("One\nTwo\n")).replace(b"\r\n", b"\n"),
    "lf-only-multipart": _attached("Lines of the tree end with LF", b64(PDF)).replace(b"\r\n", b"\n"),
    "bare-cr": plain("Lines end with CR", crlf("One\nTwo\n")).replace(b"\r\n", b"\r"),
    "cr-inside-lines": plain("CR inside lines", b"One\rstill the first line\r\nTwo\r\r\nThree\r\n"),
    "mixed-line-ends": plain("Mixed line ends", b"One\nTwo\r\nThree\n\nFour\r\n"),
    "nul-bytes": plain("NUL in the text", b"Before\x00after\r\n\x00\x01\x02\r\n"),
    "from-line-in-body": plain("From at a line's start", crlf("From here on\n.\n..dots\n>From there\n-- \nA\n")),
    "mbox-line-on-top": b"From alice@agency.example Tue Jul 14 09:30:00 2026\r\n"
    + plain("An mbox line on top", crlf("Hi\n")),
    "attachment-only": top(
        "Only a file",
        'Content-Type: application/pdf; name="only.pdf"',
        'Content-Disposition: attachment; filename="only.pdf"',
        "Content-Transfer-Encoding: base64",
    )
    + b"\r\n"
    + b64(PDF),
    "text-attachment-only": plain(
        "Only a text file",
        crlf("a,b\n1,2\n"),
        "Content-Type: text/plain; charset=utf-8",
        'Content-Disposition: attachment; filename="table.txt"',
    ),
    "html-only": top("Only html", "Content-Type: text/html; charset=utf-8")
    + b"\r\n"
    + crlf("<html><body><p>Only <b>html</b> here, 5 &gt; 4.</p></body></html>\n"),
    "hostile-html": top("Hostile html", "Content-Type: text/html; charset=utf-8")
    + b"\r\n"
    + crlf(
        "<html><head><base href='https://evil.example/'><meta http-equiv=refresh content='0;url=https://evil.example'>"
        "<style>@import 'https://evil.example/x.css'; body{background:url(https://evil.example/p.png)}</style></head>\n"
        "<body onload=alert(1)><p>Plain words stay.</p><script>window.hit=1</script><img src=x onerror=window.hit=1>\n"
        "<svg><script>window.hit=1</script></svg><iframe srcdoc='&lt;script&gt;window.hit=1&lt;/script&gt;'></iframe>\n"
        "<a href='java&#10;script:window.hit=1'>a link</a><form action=https://evil.example><input name=q></form>\n"
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=window.hit=1&gt;'>\n"
        "<object data=https://evil.example/x></object><p>Last words.</p></body></html>\n"
    ),
    "blank-html": mail(
        "Html says nothing", "alternative", text("Only the plain text speaks."), html("<p>&nbsp;</p><br>")
    ),
    "text-enriched": plain(
        "Enriched", crlf("<bold>Bold</bold> words\n\nnext\n"), "Content-Type: text/enriched; charset=us-ascii"
    ),
    "footer-after-text": mail("A list's footer", "mixed", text("The text."), text("-- \nThe footer of the list.")),
    "no-header-at-all": crlf("This file has no header at all.\nIt is only text.\n\nSecond paragraph.\n"),
    "missing-blank-line": top("No blank line before the text")
    + crlf("This line follows the header at once.\n\nMore text.\n"),
    "junk-line-in-header": top("A line that is no field").replace(b"MIME-Version", b"this is no field\r\nMIME-Version")
    + b"\r\n"
    + crlf("The text.\n"),
    "preamble-and-epilogue": top("Before and after", 'Content-Type: multipart/mixed; boundary="=_outer"')
    + b"\r\n"
    + joined(
        "=_outer",
        text("The text."),
        preamble=crlf("This is a message in MIME format.\n"),
        epilogue=crlf("What stands here is not shown.\n"),
    ),
}
