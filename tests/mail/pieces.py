"""Pieces that mails are put together from; every line ends with CRLF unless the oddity says otherwise."""

import base64

ALICE = "Alice Example <alice@agency.example>"
BOB = "Bob Outside <bob@example.org>"

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
ZIP = b"PK\x05\x06" + bytes(18)


def crlf(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def b64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def top(subject: str, *more: str | bytes, sender: str = ALICE, to: str = BOB, number: int = 0) -> bytes:
    """Write a usual top header, without the blank line at its end; `more` are further lines."""
    word = "".join(char for char in subject.lower() if char.isascii() and char.isalnum())[:20]
    lines: list[str | bytes] = [
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        "Date: Tue, 14 Jul 2026 09:30:00 -0400",
        f"Message-ID: <{word}.{number}@agency.example>",
        "MIME-Version: 1.0",
        *more,
    ]
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)


def plain(subject: str, body: bytes, *more: str | bytes) -> bytes:
    return top(subject, *(more or ("Content-Type: text/plain; charset=utf-8",))) + b"\r\n" + body


def part(*fields: str | bytes, body: bytes = b"") -> bytes:
    head = b"".join((field.encode() if isinstance(field, str) else field) + b"\r\n" for field in fields)
    return head + b"\r\n" + body


def text(body: str = "Please see below.", *more: str) -> bytes:
    return part("Content-Type: text/plain; charset=utf-8", *more, body=crlf(body))


def html(body: str, *more: str) -> bytes:
    return part("Content-Type: text/html; charset=utf-8", *more, body=crlf(body))


def file(type_: str, name: str, content: bytes, *more: str, disposition: str = "attachment") -> bytes:
    return part(
        f'Content-Type: {type_}; name="{name}"',
        f'Content-Disposition: {disposition}; filename="{name}"',
        "Content-Transfer-Encoding: base64",
        *more,
        body=b64(content),
    )


def joined(boundary: str, *parts: bytes, preamble: bytes = b"", epilogue: bytes = b"", end: bool = True) -> bytes:
    mark = b"--" + boundary.encode()
    body = preamble + b"".join(mark + b"\r\n" + one + b"\r\n" for one in parts)
    return body + (mark + b"--\r\n" + epilogue if end else b"")


def multi(kind: str, boundary: str, *parts: bytes, parameters: str = "") -> bytes:
    """Write a multipart that stands inside another one."""
    return part(f'Content-Type: multipart/{kind}; boundary="{boundary}"{parameters}', body=joined(boundary, *parts))


def mail(subject: str, kind: str, *parts: bytes, parameters: str = "", more: tuple[str, ...] = ()) -> bytes:
    head = top(subject, f'Content-Type: multipart/{kind}; boundary="=_outer"{parameters}', *more)
    return head + b"\r\n" + joined("=_outer", *parts)
