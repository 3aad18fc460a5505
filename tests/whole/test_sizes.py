"""The size limit to the byte, both ways, and how little memory the largest message takes."""

import hashlib
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.cast import INTAKE, MAILER
from emulator.loop.reader import Page
from emulator.loop.walk import files_of, text_of
from emulator.stack import Stack
from service.core.limits import MESSAGE_BYTES
from tests.leaks.watched import below
from tests.whole.people import ALICE, BOB, Person, Tried, a_mail, folder_items, inbox, stored_blobs, until, with_file

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("whole-sizes"),
    pytest.mark.timeout(200),
]
TEXT = b"Good morning.\r\n"
MOST_MEBIBYTES = 96
"""What a role may take more for one message of 35 MiB; the goal is half of it."""


@dataclass
class Memory:
    """The most that a role took while somebody looked, above what it had before, in MiB."""

    taken: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, stack: Stack, role: str, what: str) -> Iterator[None]:
        assert stack.service is not None
        pid = next(pid for pid in below(stack.service.pid) if words_of(pid)[-1:] == [role])
        (Path("/proc") / str(pid) / "clear_refs").write_text("5")  # proc(5): the peak begins anew
        before = resident(pid, "VmRSS")
        yield
        self.taken[what] = (resident(pid, "VmHWM") - before) / 1024


def words_of(pid: int) -> list[str]:
    return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode().rstrip("\0").split("\0")


def resident(pid: int, name: str) -> int:
    status = (Path("/proc") / str(pid) / "status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bob(stack: Stack) -> AsyncIterator[Person]:
    person = Person(stack, BOB)
    yield person
    await person.browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(stack: Stack, bob: Person) -> Page:
    """A first, small message; whoever reads it has an account."""
    await stack.tenant.exchange.submit(ALICE, a_mail("[secure] Small"), [BOB])
    return await bob.register(await bob.next_mail())


def of_size(size: int) -> tuple[bytes, bytes]:
    """Write a mail whose text and file are so long together; return it and the file."""
    content = os.urandom(1 << 20) * (size // (1 << 20) + 1)
    content = content[: size - len(TEXT)]
    return with_file(a_mail("[secure] Large", body=TEXT.decode().rstrip()), "large.bin", content), content


async def test_the_largest_message_comes_through_both_ways(stack: Stack, bob: Person, page: Page):
    memory = Memory()
    mail, content = of_size(MESSAGE_BYTES)
    seen = bob.seen
    with memory.of(stack, "sync", "mail in, sync"):
        await stack.tenant.exchange.submit(ALICE, mail, [BOB])
        notice = await bob.next_mail()
    assert bob.seen == seen + 1
    link = re.search(r"http://\S+/d/\S+", notice)
    assert link is not None
    with memory.of(stack, "portal", "file read, portal"):
        large = await bob.browser.open(link.group())
        address = next(one for one, _ in large.links if "/file/" in one)
        read = await bob.browser.http.get(address)
    assert hashlib.sha256(read.content).digest() == hashlib.sha256(content).digest()

    answer = content[: MESSAGE_BYTES - len(b"Here.")]
    with memory.of(stack, "portal", "reply typed, portal"), memory.of(stack, "sync", "reply out, sync"):
        answered = await bob.answer(page, {"text": "Here."}, [Tried("answer.bin", answer)])
        assert answered.status == 200
        assert not any(form.is_multipart for form in answered.forms)
        await until(lambda: any(len(item.mime) > MESSAGE_BYTES for item in inbox(stack, ALICE)), 90)
    got = next(item for item in inbox(stack, ALICE) if len(item.mime) > MESSAGE_BYTES)
    assert files_of(got.mime) == [answer]
    print("\n" + ", ".join(f"{what}: {mebibytes:.0f} MiB" for what, mebibytes in memory.taken.items()))
    assert max(memory.taken.values()) < MOST_MEBIBYTES


async def test_one_byte_too_much_is_returned_with_the_number_and_leaves_nothing(stack: Stack, bob: Person):
    mail, _ = of_size(MESSAGE_BYTES + 1)
    blobs, letters, notices = set(stored_blobs(stack.data)), len(inbox(stack, ALICE)), len(bob.notices)
    before = len(folder_items(stack, INTAKE, "Sealed"))
    await stack.tenant.exchange.submit(ALICE, mail, [BOB])
    await until(lambda: any("Not Delivered" in item.subject for item in inbox(stack, ALICE)[letters:]))
    letter = next(item for item in inbox(stack, ALICE)[letters:] if "Not Delivered" in item.subject)
    assert "smaller by 1 KB" in text_of(letter.mime)  # rounded up
    await until(lambda: len(folder_items(stack, INTAKE, "Sealed")) == before + 1)
    assert set(stored_blobs(stack.data)) == blobs
    assert len(bob.notices) == notices


async def test_a_reply_of_one_byte_too_much_is_not_sent_and_leaves_its_text(stack: Stack, bob: Person, page: Page):
    letters = len(inbox(stack, ALICE))
    content = b"x" * (MESSAGE_BYTES + 1 - len(b"Here."))
    blobs = set(stored_blobs(stack.data))
    answered = await bob.answer(page, {"text": "Here."}, [Tried("answer.bin", content)])
    assert answered.status == 422
    assert "answer.bin is" in answered.text
    new = set(stored_blobs(stack.data)) - blobs
    assert sum(path.stat().st_size for path in new) < 1024  # the typed text, kept as a draft
    with sqlite3.connect(stack.data / "safemail.db") as base:
        keys = {key for (key,) in base.execute("SELECT key FROM blobs")}
    base.close()
    assert {str(path.relative_to(stack.data / "blobs")) for path in stored_blobs(stack.data)} == keys
    assert len(inbox(stack, ALICE)) == letters
    assert not stack.tenant.exchange.mailboxes[MAILER].folder("drafts").items
