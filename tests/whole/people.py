"""Who takes part in a walk through the running whole, and what each of them does."""

import asyncio
import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from emulator.exchange.mailbox import Item
from emulator.exchange.outside import OutsideMail
from emulator.loop.reader import PASSWORD, Page, PortalReader, link_in
from emulator.loop.walk import text_of
from emulator.stack import Stack

WAIT_SECONDS = 40.0
ALICE, BOB, CAROL, EVE = "alice@ct.gov", "bob@example.com", "carol@example.net", "eve@example.org"
INTAKE_HEADER = "X-Safemail-Intake"


async def until(look: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := look()):  # noqa: ASYNC110 - mailboxes are looked at as a person would
            await asyncio.sleep(0.02)
    return found


@dataclass
class Tried:
    """A file beside a form, as a browser sends it."""

    name: str
    content: bytes
    type: str = "application/octet-stream"


@dataclass
class Person:
    """Somebody outside, with a mailbox and a browser."""

    stack: Stack
    address: str
    first: str = "Bob"
    last: str = "Rivera"
    password: str = PASSWORD
    hint: str = ""
    seen: int = 0
    browser: PortalReader = field(init=False)

    def __post_init__(self) -> None:
        self.browser = PortalReader(self.stack.portal_url, self.address)
        self.stack.tenant.exchange.outside_mailbox(self.address)

    @property
    def mails(self) -> list[OutsideMail]:
        return self.stack.tenant.exchange.outside_mailbox(self.address).mails

    @property
    def notices(self) -> list[str]:
        return [text for mail in self.mails if "/d/" in (text := text_of(mail.mime))]

    async def next_mail(self) -> str:
        """Wait for a mail that was not looked at yet; return its text."""
        await until(lambda: len(self.mails) > self.seen)
        self.seen += 1
        return text_of(self.mails[self.seen - 1].mime)

    async def register(self, notice: str, wrong_code: str = "") -> Page:
        """Walk from the notice to the message, with a new account."""
        browser = self.browser
        page = await browser.open(link_in(notice, browser.portal))
        page = await browser.press(page.form("/register/start"), {})
        while (found := re.search(r"\b(\d{6})\b", await self.next_mail())) is None:
            continue  # a notice of another mail came first
        code = found.group(1)
        if wrong_code:
            page = await browser.press(page.form("/register/code"), {"code": wrong_code})
            assert page.status == 422
        page = await browser.press(page.form("/register/code"), {"code": code})
        typed = {"first": self.first, "last": self.last, "hint": self.hint}
        page = await browser.press(
            page.form("/register"), typed | {"password": self.password, "confirm": self.password}
        )
        assert page.frames, page.status
        return page

    async def answer(self, page: Page, typed: Mapping[str, str], files: list[Tried], do: str = "send") -> Page:
        """Open the form of an answer to a message, and press one of its buttons."""
        address = next(link for link, _ in page.links if link.endswith("/reply"))
        form = next(form for form in (await self.browser.open(address)).forms if form.is_multipart)
        data = {**form.fields, **typed}
        parts: list[Any] = [(name, (None, value.encode())) for name, value in data.items()]
        parts += [("files", (file.name, file.content, file.type)) for file in files]
        answer = await self.browser.http.post(form.action, files=[*parts, ("do", (None, do.encode()))])
        return self.browser._page(answer)


def a_mail(subject: str, *, to: str = BOB, body: str = "Good morning.", **fields: str) -> bytes:
    """Write a small mail as Outlook would, without what Exchange adds."""
    head = {"From": f"Alice Chen <{ALICE}>", "To": to, "Subject": subject, "MIME-Version": "1.0"}
    head |= {"Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "8bit"}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"{lines}\r\n{body}\r\n".encode()


def with_file(mail: bytes, name: str, content: bytes, type_: str = "application/octet-stream") -> bytes:
    """Put a mail's text and a file into one multipart/mixed."""
    mark = f"=_{secrets.token_hex(8)}"
    head, _, text = mail.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-")]
    own = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-")]
    top = b"\r\n".join([*kept, f'Content-Type: multipart/mixed; boundary="{mark}"'.encode()])
    about = f'Content-Type: {type_}\r\nContent-Disposition: attachment; filename="{name}"\r\n'.encode()
    about += b"Content-Transfer-Encoding: base64\r\n\r\n"
    cut = f"\r\n--{mark}".encode()
    first = b"\r\n".join([cut[2:], *own, b"", text])
    second = b"\r\n".join([cut, about + base64.encodebytes(content).replace(b"\n", b"\r\n")])
    return top + b"\r\n\r\n" + first + second + cut + b"--\r\n"


def inbox(stack: Stack, address: str) -> list[Item]:
    return list(stack.tenant.exchange.mailboxes[address].folder("inbox").items)


def folder_items(stack: Stack, address: str, name: str) -> list[Item]:
    """Return what lies in a folder that the service made; none where it is not there."""
    mailbox = stack.tenant.exchange.mailboxes[address]
    return [item for folder in mailbox.folders.values() if folder.name == name for item in folder.items]


def field_of(mime: bytes, name: str) -> str:
    return str(message_from_bytes(mime, policy=policy.compat32).get(name, ""))


def stored_blobs(data: Path) -> list[Path]:
    return [path for path in (data / "blobs").rglob("*") if path.is_file()]
