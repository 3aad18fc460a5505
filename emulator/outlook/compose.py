"""A mail as Outlook writes it: mixed around related around alternative, Word's style sheet in the HTML."""

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from emulator.reading import plain_text

STYLE = """<style><!--
@font-face {font-family:Aptos; panose-1:2 11 0 4 2 2 2 2 2 4;}
p.MsoNormal, li.MsoNormal, div.MsoNormal {margin:0in; font-size:12.0pt; font-family:"Aptos",sans-serif;}
a:link, span.MsoHyperlink {mso-style-priority:99; color:#467886; text-decoration:underline;}
span.EmailStyle17 {mso-style-type:personal-compose; font-family:"Aptos",sans-serif; color:windowtext;}
.MsoChpDefault {mso-style-type:export-only; font-size:10.0pt;}
@page WordSection1 {size:8.5in 11.0in; margin:1.0in 1.0in 1.0in 1.0in;}
div.WordSection1 {page:WordSection1;}
--></style>"""
_DATA_IMAGE = re.compile(r"""src=(["'])data:(image/[a-z+.-]+);base64,([A-Za-z0-9+/=\s]+)\1""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a mail; one with a content id stands in the HTML."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the compose window."""

    sender: tuple[str, str]
    """Name and address."""
    to: Sequence[tuple[str, str]]
    subject: str
    html: str
    """The inside of the body element."""
    cc: Sequence[tuple[str, str]] = ()
    bcc: Sequence[tuple[str, str]] = ()
    files: Sequence[File] = ()
    in_reply_to: str = ""
    references: str = ""


def write_mail(draft: Draft, now: datetime) -> bytes:
    """Write the MIME that Outlook would hand to Exchange."""
    draft = _with_images_apart(draft)
    body = _alternative(draft.html)
    inline = [file for file in draft.files if file.content_id]
    attached = [file for file in draft.files if not file.content_id]
    if inline:
        body = _multipart("related", [body, *(_part(file) for file in inline)])
    if attached:
        body = _multipart("mixed", [body, *(_part(file) for file in attached)])
    for name, value in _header(draft, now, has_files=bool(attached)):
        body[name] = value
    return body.as_bytes()


def word_html(inside: str) -> str:
    """Put the body's inside into a page such as Word writes."""
    return (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40">\r\n'
        '<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n'
        '<meta name="Generator" content="Microsoft Word 15 (filtered medium)">\r\n'
        + STYLE.replace("\n", "\r\n")
        + '\r\n</head>\r\n<body lang="EN-US" link="#467886" vlink="#96607D" style="word-wrap:break-word">\r\n'
        '<div class="WordSection1">\r\n' + inside + "\r\n</div>\r\n</body>\r\n</html>\r\n"
    )


def as_paragraphs(text: str) -> str:
    """Make HTML of typed lines."""
    lines = (escape(line) or "<o:p>&nbsp;</o:p>" for line in text.splitlines())
    return "\r\n".join(f'<p class="MsoNormal">{line}</p>' for line in lines)


def _with_images_apart(draft: Draft) -> Draft:
    """Make parts of pictures that were pasted into the HTML."""
    found: list[File] = []

    def apart(match: re.Match[str]) -> str:
        quote, kind, content = match.groups()
        try:
            picture = base64.b64decode(re.sub(r"\s", "", content), validate=True)
        except binascii.Error:
            return match.group()
        number = len(found) + 1
        cid = f"image{number:03d}.{secrets.token_hex(8)}"
        found.append(File(f"image{number:03d}.{kind.split('/')[1].lower().split('+')[0]}", kind.lower(), picture, cid))
        return f"src={quote}cid:{cid}{quote}"

    html = _DATA_IMAGE.sub(apart, draft.html)
    return replace(draft, html=html, files=[*found, *draft.files])


def _header(draft: Draft, now: datetime, *, has_files: bool) -> Iterable[tuple[str, str]]:
    yield "From", _addresses([draft.sender])
    for name, people in (("To", draft.to), ("Cc", draft.cc), ("Bcc", draft.bcc)):
        if people:
            yield name, _addresses(people)
    yield "Subject", re.sub(r"[\r\n]+", " ", draft.subject)
    topic = re.sub(r"^((re|fw|fwd):\s*)+", "", draft.subject.strip(), flags=re.IGNORECASE)
    yield "Thread-Topic", re.sub(r"[\r\n]+", " ", topic)
    yield "Thread-Index", base64.b64encode(secrets.token_bytes(22)).decode()
    yield "Date", format_datetime(now)
    yield "Message-ID", f"<{secrets.token_hex(16).upper()}@{secrets.token_hex(6).upper()}.namprd09.prod.emulator>"
    if draft.references or draft.in_reply_to:
        yield "References", f"{draft.references} {draft.in_reply_to}".strip()
    if draft.in_reply_to:
        yield "In-Reply-To", draft.in_reply_to
    yield "Accept-Language", "en-US"
    yield "Content-Language", "en-US"
    yield "X-MS-Has-Attach", "yes" if has_files else ""
    yield "MIME-Version", "1.0"


def _addresses(people: Sequence[tuple[str, str]]) -> str:
    written = []
    for name, address in people:
        local, _, domain = address.rpartition("@")
        written.append(str(Address(re.sub(r"[\r\n]+", " ", name), local, domain)) if domain else address)
    return ", ".join(written)


def _alternative(html: str) -> EmailMessage:
    return _multipart("alternative", [_text(plain_text(html) + "\r\n", "plain"), _text(word_html(html), "html")])


def _text(text: str, subtype: str) -> EmailMessage:
    part = EmailMessage(SMTP)
    part.set_content(re.sub(r"\r?\n", "\n", text), subtype=subtype, charset="utf-8", cte="base64")
    del part["MIME-Version"]
    return part


def _part(file: File) -> EmailMessage:
    part = EmailMessage(SMTP)
    main, _, sub = file.content_type.partition("/")
    if main in {"message", "multipart"} or not sub:
        main, sub = "application", "octet-stream"
    part.set_content(
        file.content,
        maintype=main,
        subtype=sub,
        cte="base64",
        disposition="inline" if file.content_id else "attachment",
        filename=file.name,
        cid=f"<{file.content_id}>" if file.content_id else None,
    )
    del part["MIME-Version"]
    part["Content-Description"] = Header(file.name, "utf-8").encode() if not file.name.isascii() else file.name
    return part


def _multipart(subtype: str, parts: Sequence[EmailMessage]) -> EmailMessage:
    whole = EmailMessage(SMTP)
    whole["Content-Type"] = f'multipart/{subtype}; boundary="_{secrets.token_hex(18).upper()}_"'
    whole.set_payload(list(parts))
    return whole
