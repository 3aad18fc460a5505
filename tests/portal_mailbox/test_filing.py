"""Ticked rows and the message page: delete, move back, mark, undo."""

import re

import pytest

from service.blobs import Blobs
from service.core.states import Folder
from service.db.engine import Database
from service.db.tables import Delivery
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_sealed_mail
from tests.portal_mailbox.conftest import Signed

Rings = dict[str, KeyRing]
REPLY = {"to": "alice@ct.gov", "subject": "RE: [secure] Your papers", "text": "Thank you."}


@pytest.fixture
async def mails(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> list[SealedMail]:
    return [await a_sealed_mail(db, rings, blobs, to=(BOB, CAROL), now=clock.now) for _ in range(2)]


def ids_of(mails: list[SealedMail], reader: str = BOB) -> list[str]:
    return [mail.deliveries[reader].hex for mail in mails]


async def press(reader: Signed, do: str, ids: list[str], folder: str = "inbox", **fields: str) -> str:
    """Press a button; return the page it leads to."""
    answer = await reader.press(
        "/filing", [("folder", folder), *(("m", one) for one in ids), *fields.items(), ("do", do)]
    )
    assert answer.status_code == 303
    return await (await reader.get(answer.headers["Location"])).get_data(as_text=True)


async def page_of(reader: Signed, path: str) -> str:
    return await (await reader.get(path)).get_data(as_text=True)


async def state_of(db: Database, mail: SealedMail, reader: str) -> tuple[Folder, bool | None]:
    async with db.reading() as session:
        delivery = await session.get(Delivery, mail.deliveries[reader])
    assert delivery is not None
    return delivery.folder, delivery.marked_read


def undo_form(page: str) -> tuple[list[str], str]:
    form = re.search(
        r'<form method="post" action="/filing">(?:(?!</form>).)*name="undo"(?:(?!</form>).)*</form>', page, re.DOTALL
    )
    assert form is not None
    do = re.search(r'name="do" value="(\w+)"', form[0])
    assert do is not None
    return re.findall(r'name="m" value="([0-9a-f]{32})"', form[0]), do[1]


async def test_ticked_messages_go_to_deleted_and_come_back_by_undo(bob: Signed, mails: list[SealedMail]) -> None:
    page = await press(bob, "delete", ids_of(mails))
    assert "2 messages moved to Deleted." in page
    assert "Your inbox is empty" in page
    deleted = await page_of(bob, "/deleted")
    assert all(f"/m/{one}" in deleted for one in ids_of(mails))
    assert (await bob.get(f"/m/{ids_of(mails)[0]}")).status_code == 200
    ids, do = undo_form(page)
    assert sorted(ids) == sorted(ids_of(mails))
    back = await press(bob, do, ids, undo="1")
    assert "Undone." in back
    assert "2 messages" in back
    assert "Nothing deleted" in await page_of(bob, "/deleted")


async def test_from_deleted_each_goes_back_where_it_was(bob: Signed, mails: list[SealedMail]) -> None:
    await bob.post(f"/m/{ids_of(mails)[0]}/reply", REPLY)
    await bob.post(f"/m/{ids_of(mails)[0]}/reply", {**REPLY, "do": "save"})
    sent = re.findall(r'name="m" value="([0-9a-f]{32})"', await page_of(bob, "/sent"))
    kept = re.findall(r'name="m" value="([0-9a-f]{32})"', await page_of(bob, "/drafts"))
    assert len(sent) == len(kept) == 1
    every = [ids_of(mails)[0], *sent, *kept]
    await press(bob, "delete", every)
    assert "No drafts" in await page_of(bob, "/drafts")
    deleted = await page_of(bob, "/deleted")
    assert f"/drafts/{kept[0]}" in deleted
    page = await press(bob, "restore", every, "deleted")
    assert "3 messages moved back." in page
    for path, one in (("/inbox", every[0]), ("/sent", sent[0]), ("/drafts", kept[0])):
        assert one in await page_of(bob, path)


async def test_a_deleted_draft_that_is_worked_on_leaves_deleted(bob: Signed, mails: list[SealedMail]) -> None:
    saved = await bob.post(f"/m/{ids_of(mails)[0]}/reply", {**REPLY, "do": "save"})
    draft = saved.headers["Location"]
    await press(bob, "delete", [draft.rpartition("/")[2]], "drafts")
    assert "No drafts" in await page_of(bob, "/drafts")
    await bob.post(draft, {**REPLY, "do": "save"})
    assert draft in await page_of(bob, "/drafts")


async def test_marks_are_set_from_list_and_message_and_undone(
    bob: Signed, mails: list[SealedMail], db: Database
) -> None:
    first = ids_of(mails)[:1]
    page = await press(bob, "read", first)
    assert "1 message marked as read." in page
    assert "1 unread" in page
    ids, do = undo_form(page)
    assert (ids, do) == (first, "unread")
    assert "2 unread" in await press(bob, do, ids, undo="1")
    await bob.get(f"/m/{first[0]}")
    assert "1 unread" in await page_of(bob, "/inbox")
    assert "2 unread" in await press(bob, "unread", first)
    await bob.get(f"/m/{first[0]}")
    assert await state_of(db, mails[0], BOB) == (Folder.INBOX, None)


async def test_nothing_ticked_is_said(bob: Signed, mails: list[SealedMail]) -> None:
    assert f"/m/{ids_of(mails)[0]}" in await press(bob, "delete", [])
    assert "Choose at least one message first." in await press(bob, "delete", [])
    assert "Choose at least one message first." in await press(bob, "delete", ["x", "0" * 31])


@pytest.mark.parametrize("do", ["read", "delete"])
async def test_messages_of_others_are_passed_over_in_silence(
    bob: Signed, carol: Signed, mails: list[SealedMail], db: Database, do: str
) -> None:
    page = await press(bob, do, [*ids_of(mails, CAROL), "0" * 32])
    assert "sm-told" not in page
    for mail in mails:
        assert await state_of(db, mail, CAROL) == (Folder.INBOX, None)
    answer = await carol.press("/filing", [("folder", "inbox"), ("m", ids_of(mails, CAROL)[0]), ("do", do)])
    assert "sm-told" not in await page_of(bob, answer.headers["Location"])
    assert "sm-told" in await page_of(carol, answer.headers["Location"])


async def test_an_address_can_only_say_what_is_so(bob: Signed, mails: list[SealedMail]) -> None:
    answer = await bob.press("/filing", [("folder", "inbox"), ("m", ids_of(mails)[0]), ("do", "delete")])
    said = answer.headers["Location"]
    assert "1 message moved to Deleted." in await page_of(bob, said)
    await press(bob, "restore", ids_of(mails), "deleted")
    for path in (said, "/inbox?done=delete.%00", "/inbox?done=delete.A", "/inbox?done=%C3%A9", "/inbox?done=burn.AAAA"):
        assert "sm-told" not in await page_of(bob, path)


async def test_the_proof_and_known_words_are_asked_for(bob: Signed, mails: list[SealedMail], db: Database) -> None:
    one = ("m", ids_of(mails)[0])
    assert (await bob.press("/filing", [("folder", "inbox"), one, ("do", "delete")], csrf="x")).status_code == 400
    assert (await bob.press("/filing", [("folder", "inbox"), one, ("do", "burn")])).status_code == 400
    assert (await bob.press("/filing", [("folder", "attic"), one, ("do", "delete")])).status_code == 400
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (await bob.press("/filing", [("folder", "inbox"), one, ("do", "delete")], **foreign)).status_code == 403
    assert (await bob.get("/filing")).status_code == 404
    assert await state_of(db, mails[0], BOB) == (Folder.INBOX, None)


async def test_one_comes_back_to_the_same_rows(bob: Signed, mails: list[SealedMail]) -> None:
    answer = await bob.press(
        "/filing", [("folder", "inbox"), ("show", "unread"), ("m", ids_of(mails)[0]), ("do", "delete")]
    )
    assert "show=unread" in answer.headers["Location"]
    page = await page_of(bob, answer.headers["Location"])
    assert 'name="show" value="unread"' in page
