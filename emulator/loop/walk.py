"""One mail's way through the whole service, step by step, and its verdict."""

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

from emulator.exchange.mailbox import Item
from emulator.exchange.outside import OutsideMail
from emulator.loop.files import Leaf, MailFile, below_header, decoded_text, plain_characters
from emulator.loop.reader import PASSWORD, Lost, Page, PortalReader, link_in
from emulator.tenant import Tenant

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.02
REPLY_FILE = b"reply attachment \xff\x00 " * 512
RECEIPTS = {"Secure Message Sent": "secured", "Secure Message Read": "read"}


@dataclass
class Actors:
    """One staff sender, one colleague, two outside: a walk of its own, so that walks do not mix."""

    sender: str
    colleague: str
    reader: PortalReader
    hidden: str
    """Address of the blind copy."""


@dataclass
class Verdict:
    """What happened to one file."""

    file: str
    ok: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    eml_equal: bool = False
    attachments: list[dict[str, Any]] = field(default_factory=list)
    body: dict[str, int] = field(default_factory=lambda: {"chars_sent": 0, "chars_read": 0})
    clear_text_outside: int = 0
    reply_delivered: bool = False
    receipts: list[str] = field(default_factory=list)
    error: str = ""

    def judge(self, receipts: list[str]) -> None:
        """Say ok only if all arrived unharmed, these receipts came, and nothing tagged left in clear."""
        unharmed = all(one["noted"] or one["sha256_sent"] == one["sha256_read"] for one in self.attachments)
        self.ok = bool(
            not self.error
            and self.eml_equal
            and unharmed
            and not self.clear_text_outside
            and self.reply_delivered
            and sorted(self.receipts) == receipts
            and (self.body["chars_read"] > 0 or self.body["chars_sent"] == 0)
        )


class Walk:
    """One file's walk."""

    def __init__(self, tenant: Tenant, actors: Actors, file: MailFile) -> None:
        self.tenant, self.actors, self.file = tenant, actors, file
        self.verdict = Verdict(str(file.path))

    async def run(self) -> Verdict:
        seen = self._seen()
        try:
            await self._step("send", self._send)
            notice = await self._step("notice", lambda: self._new_notice(seen, self.actors.reader.address))
            message = await self._step("open", lambda: self._open(notice))
            await self._step("read", lambda: self._read(message))
            await self._step("download", lambda: self._download(message))
            await self._step("reply", lambda: self._reply(message))
            await self._step("deliver", lambda: self._delivered(seen))
            if not self.file.is_automatic_answer:
                await self._step("receipts", lambda: self._receipts(seen))
            await self._step("blind copy", lambda: self._new_notice(seen, self.actors.hidden))
            self.verdict.clear_text_outside = self._clear_text(seen)
        except (Lost, TimeoutError) as exc:
            self.verdict.error = str(exc) or f"nothing within {WAIT_SECONDS:.0f} s"
        except Exception as exc:  # noqa: BLE001 - one file's fault must not hide the others' verdicts
            self.verdict.error = f"{type(exc).__name__}: {exc}"
        self.verdict.judge([] if self.file.is_automatic_answer else ["read", "secured"])
        return self.verdict

    async def _step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        began = time.monotonic()
        try:
            return await work()
        except TimeoutError as exc:
            raise Lost(f"{name}: nothing within {WAIT_SECONDS:.0f} s") from exc
        finally:
            self.verdict.steps.append({"name": name, "seconds": round(time.monotonic() - began, 3)})

    def _seen(self) -> dict[str, int]:
        """Count what lies in each mailbox before the walk."""
        counts = {address: len(box.mails) for address, box in self.tenant.exchange.outside.items()}
        return counts | {self.actors.sender: len(self._inbox())}

    def _inbox(self) -> list[Item]:
        return list(self.tenant.exchange.mailboxes[self.actors.sender].folder("inbox").items)

    def _new_outside(self, seen: dict[str, int], address: str) -> list[OutsideMail]:
        box = self.tenant.exchange.outside.get(address)
        return list(box.mails[seen.get(address, 0) :]) if box else []

    async def _until(self, look: Callable[[], Any]) -> Any:
        async with asyncio.timeout(WAIT_SECONDS):
            while not (found := look()):  # noqa: ASYNC110 - mailboxes are looked at as a person would
                await asyncio.sleep(POLL_SECONDS)
        return found

    async def _send(self) -> None:
        recipients = [self.actors.reader.address, self.actors.colleague, self.actors.hidden]
        await self.tenant.exchange.submit(self.actors.sender, self.file.sent, recipients)

    async def _new_notice(self, seen: dict[str, int], address: str) -> str:
        def look() -> str | None:
            for mail in self._new_outside(seen, address):
                text = text_of(mail.mime)
                if "/d/" in text:
                    return text
            return None

        notice: str = await self._until(look)
        return notice

    async def _open(self, notice: str) -> Page:
        reader = self.actors.reader
        page = await reader.open(link_in(notice, reader.portal))
        if not reader.registered:
            page = await self._register(page)
            reader.registered = True
        if not page.frames and "/m/" not in page.url:
            raise Lost(f"the link led to a page without the message (status {page.status})")
        return page

    async def _register(self, page: Page) -> Page:
        reader = self.actors.reader
        start = page.form("/register/start")
        began = len(self.tenant.exchange.outside[reader.address].mails)
        page = await reader.press(start, {})

        def look() -> str | None:
            for mail in self.tenant.exchange.outside[reader.address].mails[began:]:
                if found := re.search(r"\b(\d{6})\b", text_of(mail.mime)):
                    return found.group(1)
            return None

        code = await self._until(look)
        page = await reader.press(page.form("/register/code"), {"code": code})
        fields = {"first": "Rosa", "last": "Jiménez", "password": PASSWORD, "confirm": PASSWORD}
        page = await reader.press(page.form("/register"), fields)
        if page.status != 200:
            raise Lost(f"registration answered {page.status}")
        return page

    async def _read(self, page: Page) -> None:
        if not page.frames:
            raise Lost("the message page has no body frame")
        body = await self.actors.reader.open(page.frames[0])
        if body.status != 200:
            raise Lost(f"the body frame answered {body.status}")
        self.verdict.body["chars_read"] = len(plain_characters(body.text, is_html=True))

    async def _download(self, page: Page) -> None:
        reader = self.actors.reader
        read: list[tuple[bytes, bool]] = []
        for address in dict.fromkeys(link for link, _ in page.links if re.search(r"/file/\d+$", link)):
            answer = await reader.http.get(address)
            if answer.status_code != 200:
                raise Lost(f"a file answered {answer.status_code}")
            read.append((answer.content, address in page.noted))
        self._match(read)
        source = next((link for link, _ in page.links if link.endswith("/message.eml")), None)
        if source is None:
            raise Lost("the message page offers no .eml")
        eml = (await reader.http.get(source)).content
        self.verdict.eml_equal = below_header(eml) == self.file.below_header
        if self.actors.hidden.encode() in eml:
            raise Lost("a recipient can see the blind copy")

    def _match(self, read: list[tuple[bytes, bool]]) -> None:
        """Pair each leaf with a file of the page; what is left over and is text is the shown body."""
        left = Counter(hashlib.sha256(content).hexdigest() for content, _ in read)
        noted = [hashlib.sha256(content).hexdigest() for content, is_noted in read if is_noted]
        unmatched: list[Leaf] = []
        for leaf in self.file.leaves:
            if left[leaf.sha256]:
                left[leaf.sha256] -= 1
                self._row(leaf, leaf.sha256, noted=False)
            elif leaf.may_be_body:
                self._shown(leaf)
            else:
                unmatched.append(leaf)
        for leaf in unmatched:
            other = next((digest for digest in noted if left[digest]), None)
            if other is not None:
                left[other] -= 1
            self._row(leaf, other or "", noted=other is not None)

    def _row(self, leaf: Leaf, read: str, *, noted: bool) -> None:
        self.verdict.attachments.append(
            {
                "name": leaf.name,
                "size": len(leaf.content),
                "sha256_sent": leaf.sha256,
                "sha256_read": read,
                "noted": noted,
            }
        )

    def _shown(self, leaf: Leaf) -> None:
        text = decoded_text(leaf.content, leaf.charset)
        sent = len(plain_characters(text, is_html=leaf.type == "text/html"))
        self.verdict.body["chars_sent"] = max(self.verdict.body["chars_sent"], sent)

    async def _reply(self, page: Page) -> None:
        reader = self.actors.reader
        address = next((link for link, _ in page.links if link.endswith("/reply")), None)
        if address is None:
            raise Lost("the message page offers no reply")
        compose = await reader.open(address)
        form = next((form for form in compose.forms if form.is_multipart), None)
        if form is None:
            raise Lost("the reply page has no form")
        files = {"files": ("answer.bin", REPLY_FILE, "application/octet-stream")}
        page = await reader.attach_and_press(form, {"text": "Thank you. My answer."}, files, ("do", "send"))
        if page.status != 200 or any(form.is_multipart for form in page.forms):
            raise Lost(f"the reply was not taken (status {page.status})")

    async def _delivered(self, seen: dict[str, int]) -> None:
        def look() -> bool:
            return any(REPLY_FILE in files_of(item.mime) for item in self._inbox()[seen[self.actors.sender] :])

        await self._until(look)
        self.verdict.reply_delivered = True

    async def _receipts(self, seen: dict[str, int]) -> None:
        def kinds() -> list[str]:
            subjects = [item.subject for item in self._inbox()[seen[self.actors.sender] :]]
            return [kind for start, kind in RECEIPTS.items() for subject in subjects if subject.startswith(start)]

        await self._until(lambda: set(kinds()) >= set(RECEIPTS.values()))
        self.verdict.receipts = kinds()

    def _clear_text(self, seen: dict[str, int]) -> int:
        """Count mails outside that carry the tag in their subject or a piece of this mail."""
        probes = [line for line in self.file.below_header.splitlines() if len(line) >= 40 and b"boundary" not in line]
        count = 0
        for address in self.tenant.exchange.outside:
            for mail in self._new_outside(seen, address):
                head = message_from_bytes(mail.mime, policy=policy.compat32)
                tagged = re.search(r"\[\s*secure\s*\]", str(head.get("Subject", "")), re.IGNORECASE)
                count += bool(tagged or any(probe in mail.mime for probe in probes[:50]))
        return count


def text_of(mime: bytes) -> str:
    """Return the text parts of a letter."""
    message = message_from_bytes(mime, policy=policy.compat32)
    texts = []
    for part in message.walk():
        content = part.get_payload(decode=True)
        if part.get_content_type() == "text/plain" and isinstance(content, bytes):
            texts.append(content.decode("utf-8", "replace"))
    return "\n".join(texts)


def files_of(mime: bytes) -> list[bytes]:
    """Return the decoded attachments of a mail."""
    message = message_from_bytes(mime, policy=policy.compat32)
    return [
        content
        for part in message.walk()
        if part.get_filename() and isinstance(content := part.get_payload(decode=True), bytes)
    ]
