"""Folders of one's own, by forms alone: made, renamed, filled, undone, deleted; nobody else's."""

import re

import pytest

from service.blobs import Blobs
from service.db.engine import Database
from service.mailbox.own_folders import FOLDERS_MOST, add_folder
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_sealed_mail
from tests.portal_mailbox.conftest import Signed
from tests.portal_mailbox.test_filing import page_of, press, undo_form

Rings = dict[str, KeyRing]


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(db, rings, blobs, to=(BOB, CAROL), now=clock.now)


async def make(reader: Signed, name: str) -> str:
    """Make a folder; return its id."""
    before = set(re.findall(r"/folders/([0-9a-f]{32})", await page_of(reader, "/folders")))
    answer = await reader.press("/folders", [("name", name)])
    assert answer.status_code == 303
    page = await page_of(reader, answer.headers["Location"])
    assert "The folder was created." in page
    made: str
    [made] = set(re.findall(r"/folders/([0-9a-f]{32})", page)) - before
    return made


async def test_messages_move_to_a_folder_and_back_by_undo(bob: Signed, mail: SealedMail) -> None:
    folder = await make(bob, "Vivienda <b>")
    one = mail.deliveries[BOB].hex
    page = await press(bob, "move", [one], to=folder)
    assert "1 message moved to “Vivienda &lt;b&gt;”." in page
    assert "Your inbox is empty" in page
    listed = await page_of(bob, f"/folders/{folder}")
    assert f"/m/{one}" in listed
    assert "1 message" in listed
    assert f'href="/folders/{folder}"' in await page_of(bob, f"/m/{one}")
    ids, do = undo_form(page)
    assert do == "move"
    back = await press(bob, do, ids, to="home", undo="1")
    assert "Undone." in back
    assert f"/m/{one}" in back


async def test_from_one_folder_to_another_and_undo_leads_there(bob: Signed, mail: SealedMail) -> None:
    first, second = await make(bob, "First"), await make(bob, "Second")
    one = mail.deliveries[BOB].hex
    await press(bob, "move", [one], to=first)
    page = await press(bob, "move", [one], first, to=second)
    assert "moved to “Second”." in page
    assert f'name="to" value="{first}"' in page
    await press(bob, "move", [one], first, to=first, undo="1")
    assert one in await page_of(bob, f"/folders/{first}")
    assert "1 message moved back." in await press(bob, "move", [one], first, to="home")
    await press(bob, "move", [one], to=first)
    deleted = await press(bob, "delete", [one], first)
    assert "1 message moved to Deleted." in deleted
    await press(bob, "restore", [one], "deleted")
    assert one in await page_of(bob, f"/folders/{first}")


async def test_no_folder_chosen_is_said(bob: Signed, mail: SealedMail) -> None:
    await make(bob, "First")
    one = mail.deliveries[BOB].hex
    for to in ("", "x", "0" * 32):
        assert "Choose a folder first." in await press(bob, "move", [one], to=to)
    assert "Choose at least one message first." in await press(bob, "move", [], to="home")


async def test_names_are_checked_and_what_was_typed_is_kept(bob: Signed) -> None:
    folder = await make(bob, "Housing")
    other = await make(bob, "Other")
    for name, words in (("hOUSING", "You already have a folder with this name."), (" ", "A name has 1 to 60")):
        answer = await bob.press("/folders", [("name", name)])
        assert answer.status_code == 422
        page = await answer.get_data(as_text=True)
        assert words in page
        assert f'name="name" type="text" value="{name}"' in page
        answer = await bob.press(f"/folders/{other}/rename", [("name", name)])
        assert answer.status_code == 422
        page = await answer.get_data(as_text=True)
        assert words in page
        assert f'id="rename-{other}" name="name" value="{name}"' in page
    assert (await bob.press(f"/folders/{folder}/rename", [("name", "Casa")])).status_code == 303
    page = await page_of(bob, "/folders?done=renamed")
    assert "The folder was renamed." in page
    assert "Casa" in page
    assert "Housing" not in page


async def test_deleting_asks_and_loses_nothing(bob: Signed, mail: SealedMail) -> None:
    folder = await make(bob, "Housing")
    one = mail.deliveries[BOB].hex
    await press(bob, "move", [one], to=folder)
    asked = await page_of(bob, f"/folders/{folder}/delete")
    assert "Delete folder “Housing”?" in asked
    assert "Its 1 message moves to Inbox." in asked
    assert f"/folders/{folder}" in await page_of(bob, "/inbox")
    answer = await bob.press(f"/folders/{folder}/delete", [])
    assert "The folder was deleted." in await page_of(bob, answer.headers["Location"])
    assert (await bob.get(f"/folders/{folder}")).status_code == 404
    assert one in await page_of(bob, "/inbox")


async def test_folders_of_others_are_not_there(bob: Signed, carol: Signed, mail: SealedMail) -> None:
    folder = await make(bob, "Housing")
    for path in (f"/folders/{folder}", f"/folders/{folder}/delete", f"/folders/{'0' * 32}", "/folders/x"):
        assert (await carol.get(path)).status_code == 404
    assert (await carol.press(f"/folders/{folder}/rename", [("name", "Mine")])).status_code == 404
    assert (await carol.press(f"/folders/{folder}/delete", [])).status_code == 404
    hers, his = mail.deliveries[CAROL].hex, mail.deliveries[BOB].hex
    assert "Choose a folder first." in await press(carol, "move", [hers], to=folder)
    own = await make(carol, "Mine")
    page = await press(carol, "move", [his], to=own)
    assert "sm-told" not in page
    assert "Housing" not in page
    said = await carol.press("/filing", [("folder", "inbox"), ("m", hers), ("to", own), ("do", "move")])
    assert "sm-told" in await page_of(carol, said.headers["Location"])
    assert "sm-told" not in await page_of(bob, said.headers["Location"])


async def test_the_proof_is_asked_for(bob: Signed, mail: SealedMail) -> None:
    folder = await make(bob, "Housing")
    for path in ("/folders", f"/folders/{folder}/rename", f"/folders/{folder}/delete"):
        assert (await bob.press(path, [("name", "x")], csrf="x")).status_code == 400
    form = [("folder", "inbox"), ("m", mail.deliveries[BOB].hex), ("to", folder), ("do", "move")]
    assert (await bob.press("/filing", form, csrf="x")).status_code == 400
    assert "1 message" in await page_of(bob, "/inbox")


async def test_two_hundred_are_the_most_and_that_is_said(bob: Signed, db: Database, rings: Rings, clock: Clock) -> None:
    async with db.writing() as session:
        for number in range(FOLDERS_MOST):
            await add_folder(session, rings["portal"], bob.recipient_id, f"Folder {number}", clock.now)
    answer = await bob.press("/folders", [("name", "One more")])
    assert answer.status_code == 422
    assert "You can have 200 folders at most." in await answer.get_data(as_text=True)


async def test_the_pages_speak_spanish(bob: Signed) -> None:
    folder = await make(bob, "Vivienda")
    assert "¿Eliminar la carpeta «Vivienda»?" in await page_of(bob, f"/folders/{folder}/delete?lang=es")
    assert "Carpeta nueva" in await page_of(bob, "/folders?lang=es")
