"""What the script asks for while one writes; messages that answer nothing; how far what was sent is."""

import asyncio
import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from quart import Response
from sqlalchemy import select, update

from service.accounts.preferring import set_signature
from service.blobs import Blobs
from service.core.limits import MEBIBYTE, RETENTION
from service.core.states import HandedOver, MessageKind
from service.db.engine import Database
from service.db.tables import Delivery, Handover, Message
from service.mailbox.deliveries import list_blobs
from service.mailbox.opening import Content
from service.portal.app import create_app
from service.portal.mailbox.compose.people import CHECKS, LOOKS
from service.recipients import address_index
from service.settings import PortalSettings
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, SealedMail, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed
from tests.portal_mailbox.test_reply import GOOD, LIMIT, address, blob_files, messages, opened_by_mailer

Rings = dict[str, KeyRing]
HTML = "<div>Thank <b>you</b>.</div><div><a href='https://ct.gov/x' onclick='x()'>form</a><img src='x'></div>"


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> SealedMail:
    eml = with_files(("a.txt", "text/plain", b"a"), text="Please answer.\nBy Friday.")
    return await a_sealed_mail(db, rings, blobs, eml, to=(BOB, CAROL), now=clock.now)


@pytest.fixture
def writer(
    bob: Signed, db: Database, blobs: Blobs, rings: Rings, clock: Clock, portal_settings: PortalSettings
) -> Signed:
    """Bob, where new messages are allowed."""
    settings = portal_settings.model_copy(update={"new_messages": True})
    bob.app = create_app(settings, db, blobs, rings["portal"], clock)
    return bob


@pytest.mark.parametrize(("count", "status"), [(3, 303), (4, 422)])
async def test_reply_goes_to_as_many_as_set(
    bob: Signed,
    mail: SealedMail,
    db: Database,
    blobs: Blobs,
    rings: Rings,
    clock: Clock,
    portal_settings: PortalSettings,
    count: int,
    status: int,
) -> None:
    settings = portal_settings.model_copy(update={"reply_recipients": 3})
    bob.app = create_app(settings, db, blobs, rings["portal"], clock)
    people = ", ".join(f"a{number}@ct.gov" for number in range(count))
    answer = await bob.post(address(mail, "/reply"), {**GOOD, "to": people})
    assert answer.status_code == status
    refused = "1 address too many. A reply goes to 3 at most." in await answer.get_data(as_text=True)
    assert refused is (status == 422)


async def told(answer: Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status
    found: dict[str, Any] = json.loads(await answer.get_data(as_text=True))
    return found


async def save(who: Signed, path: str, **fields: str) -> dict[str, Any]:
    return await told(await who.post(path, {**GOOD, "do": "save", **fields}, Accept="application/json"))


async def upload(who: Signed, draft: str, name: str, content: bytes) -> Response:
    return await who.post(f"{draft}/files", files=[(name, content)], Accept="application/json")


# ---- addresses ----


async def test_addresses_are_judged_with_their_reasons(bob: Signed) -> None:
    typed = "Alice <alice@ct.gov>, pat@gmail.com; bob"
    answer = await told(await bob.press("/compose/addresses", [("people", typed)]))
    [alice, pat, broken] = answer["people"]
    assert alice == {"name": "Alice", "address": "alice@ct.gov", "text": "Alice <alice@ct.gov>"}
    assert " ".join(pat["why"]) == (
        "pat@gmail.com is not a state address. Messages from here go only to addresses that end in ct.gov or "
        "po.state.ct.us. Remove it to send."
    )
    assert broken["why"][0] == "bob is not an address that we can read."
    spanish = await told(await bob.press("/compose/addresses?lang=es", [("people", "pat@gmail.com")]))
    assert "ct.gov o po.state.ct.us. Quítela para enviar." in spanish["people"][0]["why"][1]


async def test_checking_is_for_readers_and_bounded(bob: Signed, app: Any) -> None:
    stranger = Signed(app, "none", bob.recipient_id)
    for path in ("/compose/addresses", "/compose/people"):
        assert (await stranger.press(path, [("people", "a@ct.gov")])).status_code in {303, 400, 401}
        assert (await bob.press(path, [], csrf="wrong")).status_code == 400
        assert (await bob.get(path)).status_code in {404, 405}
    for path, limit in (("/compose/addresses", CHECKS), ("/compose/people", LOOKS)):
        for _ in range(limit.times):
            assert (await bob.press(path, [("people", "a@ct.gov")])).status_code == 200
        assert (await bob.press(path, [("people", "a@ct.gov")])).status_code == 429


@pytest.mark.usefixtures("mail")
async def test_only_people_of_ones_own_messages_are_known(
    bob: Signed, carol: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    await a_sealed_mail(db, rings, blobs, with_files(text="x").replace(b"dave@", b"erin@"), to=(CAROL,), now=clock.now)
    known = (await told(await bob.press("/compose/people", [])))["people"]
    assert [one["text"] for one in known] == ["Alice Example <alice@ct.gov>", "dave@ct.gov"]
    theirs = (await told(await carol.press("/compose/people", [])))["people"]
    assert {one["address"] for one in theirs} == {"alice@ct.gov", "dave@ct.gov", "erin@ct.gov"}


@pytest.mark.parametrize(("count", "is_sent"), [(20, True), (21, False)])
async def test_a_message_goes_to_twenty_at_most(bob: Signed, mail: SealedMail, *, count: int, is_sent: bool) -> None:
    to = ", ".join(f"a{number}@ct.gov" for number in range(count))
    answer = await bob.post(address(mail, "/reply"), {**GOOD, "to": to, "text": "x"})
    assert answer.status_code == (303 if is_sent else 422)


# ---- saving ----


async def test_the_script_is_told_what_is_stored(bob: Signed, mail: SealedMail) -> None:
    answer = await save(bob, address(mail, "/reply"))
    assert re.fullmatch("/drafts/[0-9a-f]{32}", answer["draft"])
    assert answer["saved"] == "Draft saved 10:30 AM"
    assert answer["files"] == []
    assert answer["body"] == len(GOOD["text"])
    more = await save(bob, answer["draft"], text="More", base=answer["base"])
    assert more["base"] != answer["base"]


@pytest.mark.parametrize(("over", "is_cut"), [(0, False), (1, True)])
async def test_the_script_is_told_that_a_text_was_cut(
    bob: Signed, mail: SealedMail, *, over: int, is_cut: bool
) -> None:
    answer = await save(bob, address(mail, "/reply"), text="x" * (MEBIBYTE + over))
    assert answer.get("cut") == (
        "The text is 1 KB too long. Its end was cut off; send it as a file." if is_cut else None
    )
    assert answer["body"] == MEBIBYTE


async def test_another_windows_words_are_not_written_over(bob: Signed, mail: SealedMail) -> None:
    first = await save(bob, address(mail, "/reply"))
    draft, base = first["draft"], first["base"]
    await save(bob, draft, text="Theirs", base=base, nonce="other window")
    answer = await bob.post(draft, {**GOOD, "text": "Mine", "base": base, "do": "save"}, Accept="application/json")
    clash = await told(answer, 409)
    assert clash["is_changed"]
    page = await bob.post(draft, {**GOOD, "text": "Mine", "base": base, "do": "send"})
    html = await page.get_data(as_text=True)
    assert page.status_code == 409
    assert "This draft was changed in another window." in html
    assert "Keep mine" in html
    assert "Mine" in html
    assert f'href="{draft}"' in html
    assert "Theirs" in await (await bob.get(draft)).get_data(as_text=True)
    await save(bob, draft, text="Mine", base=clash["base"])
    assert "Mine" in await (await bob.get(draft)).get_data(as_text=True)


async def test_a_window_does_not_disagree_with_itself(bob: Signed, mail: SealedMail) -> None:
    """The answer to a save may be lost on its way; the next one still comes from the same window."""
    first = await save(bob, address(mail, "/reply"))
    await save(bob, first["draft"], text="Answer lost", base=first["base"])
    await save(bob, first["draft"], text="The next", base=first["base"])
    assert "The next" in await (await bob.get(first["draft"])).get_data(as_text=True)


# ---- text with formatting ----


async def test_markup_is_kept_clean_beside_its_plain_words(
    bob: Signed, mail: SealedMail, db: Database, rings: Rings, blobs: Blobs
) -> None:
    await bob.post(address(mail, "/reply"), {**GOOD, "text": "not this", "html": HTML})
    [reply] = await messages(db, MessageKind.REPLY)
    sheet, key = opened_by_mailer(rings, reply)
    text, html = await bodies(db, blobs, reply, sheet, key)
    assert text.startswith("Thank you.\nform <https://ct.gov/x>\n\nOn November 24, 2026")
    assert html.startswith('<div>Thank <b>you</b>.</div><div><a href="https://ct.gov/x">form</a></div><div><br></div>')
    assert html.endswith("wrote:</div><blockquote>Please answer.<br>By Friday.</blockquote>")
    assert reply.size == len(text.encode()) + len(html.encode())


async def test_a_forward_quotes_the_original_in_both(
    bob: Signed, mail: SealedMail, db: Database, rings: Rings, blobs: Blobs
) -> None:
    await bob.post(address(mail, "/forward"), {**GOOD, "html": "<div>See <i>below</i>.</div>"})
    [sent] = await messages(db, MessageKind.REPLY)
    sheet, key = opened_by_mailer(rings, sent)
    text, html = await bodies(db, blobs, sent, sheet, key)
    assert "See below.\n\n-----Original message-----\nFrom: Alice Example <alice@ct.gov>\n" in text
    assert "<div>-----Original message-----<br>From: Alice Example &lt;alice@ct.gov&gt;<br>" in html


async def test_a_form_without_script_keeps_markup_that_it_leaves_alone(bob: Signed, mail: SealedMail) -> None:
    draft = (await save(bob, address(mail, "/reply"), html=HTML))["draft"]
    words = "Thank you.\nform <https://ct.gov/x>"
    await save(bob, draft, text=words)
    assert "&lt;b&gt;you&lt;/b&gt;" in await (await bob.get(draft)).get_data(as_text=True)
    await save(bob, draft, text=words, plain="1")
    assert "&lt;b&gt;" not in await (await bob.get(draft)).get_data(as_text=True)
    await save(bob, draft, html=HTML)
    await save(bob, draft, text=words + " And more.")
    assert "&lt;b&gt;" not in await (await bob.get(draft)).get_data(as_text=True)


@pytest.mark.parametrize(
    "html", ["<blockquote>" * 600 + "x", "<blockquote>" * 20 + "x<br>" * 60_000], ids=["too deep", "words without end"]
)
async def test_markup_that_is_too_much_becomes_its_plain_words(bob: Signed, mail: SealedMail, html: str) -> None:
    draft = (await save(bob, address(mail, "/reply"), text="Words", html=html))["draft"]
    page = await (await bob.get(draft)).get_data(as_text=True)
    assert "Words" in page
    assert 'data-format="plain"' in page


@pytest.mark.parametrize("over", [-1, 0, 1])
async def test_the_budget_counts_both_bodies(bob: Signed, mail: SealedMail, *, over: int) -> None:
    html = "<div>Thank you.</div>"
    room = LIMIT - len("Thank you.") - len(html)
    draft = (await save(bob, address(mail, "/reply"), html=html))["draft"]
    answer = await upload(bob, draft, "big.bin", b"x" * (room + over))
    assert answer.status_code == (413 if over > 0 else 200)
    if over <= 0:
        assert (await bob.post(draft, {**GOOD, "html": html})).status_code == 303


# ---- files ----


async def test_a_file_goes_into_a_draft_beside_its_words(bob: Signed, mail: SealedMail, tmp_path: Path) -> None:
    draft = (await save(bob, address(mail, "/reply")))["draft"]
    before = await blob_files(tmp_path)
    answer = await told(await upload(bob, draft, "stubs é.pdf", os.urandom(1000)))
    assert [(one["name"], one["size"]) for one in answer["files"]] == [("stubs é.pdf", 1000)]
    again = await told(await upload(bob, draft, "stubs é.pdf", b""))
    assert [one["name"] for one in again["files"]] == ["stubs é.pdf", "stubs é (2).pdf"]
    nameless = await told(await upload(bob, draft, "", b"x"))
    assert nameless["files"][2]["name"]
    assert len({one["number"] for one in nameless["files"]}) == 3
    assert "Thank you." in await (await bob.get(draft)).get_data(as_text=True)
    assert await blob_files(tmp_path) == before + 3
    gone = await save(bob, draft, do=f"remove-{answer['added']}")
    assert [one["name"] for one in gone["files"]] == [again["files"][1]["name"], nameless["files"][2]["name"]]
    assert await blob_files(tmp_path) == before + 2


async def test_a_file_and_the_words_beside_it_do_not_undo_each_other(bob: Signed, mail: SealedMail) -> None:
    draft = (await save(bob, address(mail, "/reply")))["draft"]
    answers = await asyncio.gather(
        upload(bob, draft, "a.bin", os.urandom(500_000)), bob.post(draft, {**GOOD, "text": "Newer", "do": "save"})
    )
    assert answers[0].status_code == 200
    assert answers[1].status_code in {303, 409}
    page = await (await bob.get(draft)).get_data(as_text=True)
    assert "a.bin" in page
    assert "Newer" in page or answers[1].status_code == 409


async def test_a_file_that_does_not_fit_says_how_much_is_left(bob: Signed, mail: SealedMail, tmp_path: Path) -> None:
    draft = (await save(bob, address(mail, "/reply")))["draft"]
    await upload(bob, draft, "a.bin", b"a" * 1_500_000)
    before = await blob_files(tmp_path)
    answer = await told(await upload(bob, draft, "scan.tif", b"b" * 600_000), 413)
    assert answer["refused"] == [
        "scan.tif is 586 KB. You have 489 KB left. Remove a file or send it in a second message."
    ]
    assert await blob_files(tmp_path) == before


async def test_a_hundred_and_first_file_is_refused_alone(bob: Signed, mail: SealedMail) -> None:
    files = [(f"{number}.txt", b"x") for number in range(99)]
    draft = (await bob.post(address(mail, "/reply"), {**GOOD, "do": "save"}, files)).headers["Location"]
    assert (await upload(bob, draft, "hundred.txt", b"x")).status_code == 200
    answer = await told(await upload(bob, draft, "more.txt", b"x"), 413)
    assert answer["refused"] == ["more.txt was not added: a message holds 100 files."]


async def test_files_go_into_ones_own_drafts_only(bob: Signed, carol: Signed, mail: SealedMail) -> None:
    draft = (await save(bob, address(mail, "/reply")))["draft"]
    assert (await upload(carol, draft, "a", b"a")).status_code == 404
    assert (await bob.post(f"{draft}/files", files=[("a", b"a")], csrf="wrong")).status_code == 400
    assert (await bob.post(f"{draft}/files", {"to": "x"})).status_code == 400
    await bob.post(draft, GOOD)
    assert (await upload(bob, draft, "a", b"a")).status_code == 404


# ---- signature ----


async def test_the_signature_stands_below_and_alone_is_nothing(bob: Signed, mail: SealedMail, db: Database) -> None:
    async with db.writing() as session:
        await set_signature(session, bob.recipient_id, "Bob Reader\n860 555 0100")
    page = await (await bob.get(address(mail, "/reply"))).get_data(as_text=True)
    assert ">\n\n\nBob Reader\n860 555 0100</textarea>" in page
    assert "Bob Reader\n860" in await (await bob.get(address(mail, "/forward"))).get_data(as_text=True)
    alone = await bob.post(address(mail, "/reply"), {**GOOD, "text": "\n\nBob Reader\r\n860 555 0100"})
    assert alone.status_code == 422
    assert "Write something or add a file." in await alone.get_data(as_text=True)


# ---- new messages ----


async def test_nobody_writes_first_where_it_is_not_allowed(bob: Signed) -> None:
    assert (await bob.get("/compose")).status_code == 404
    assert (await bob.post("/compose", GOOD)).status_code == 404
    assert "New message" not in await (await bob.get("/inbox")).get_data(as_text=True)


async def test_a_new_message_lives_as_long_as_any(writer: Signed, db: Database, rings: Rings, clock: Clock) -> None:
    assert 'href="/compose"' in await (await writer.get("/inbox")).get_data(as_text=True)
    page = await (await writer.get("/compose")).get_data(as_text=True)
    assert "<h1>New message</h1>" in page
    draft = (await save(writer, "/compose", subject="Hello"))["draft"]
    assert (await upload(writer, draft, "a.pdf", b"a")).status_code == 200
    clock.advance(timedelta(minutes=10))
    assert "Hello" in await (await writer.get(draft)).get_data(as_text=True)
    refused = await writer.post(draft, {**GOOD, "to": "pat@gmail.com"})
    assert refused.status_code == 422
    answer = await writer.post(draft, {**GOOD, "subject": "Hello"})
    own = draft.rpartition("/")[2]
    assert answer.headers["Location"] == f"/m/{own}?sent={own}"
    shown = await (await writer.get(answer.headers["Location"])).get_data(as_text=True)
    assert "Your message was sent to alice@ct.gov." in shown
    [sent] = await messages(db, MessageKind.REPLY)
    sheet, _ = opened_by_mailer(rings, sent)
    assert (sheet.subject, sheet.references, sent.answers_id) == ("[secure] Hello", (), None)
    async with db.reading() as session:
        delivery = (await session.scalars(select(Delivery).where(Delivery.message_id == sent.id))).one()
    assert sent.expires_at == delivery.expires_at == clock.now + RETENTION


async def test_a_new_message_is_discarded(writer: Signed, db: Database) -> None:
    draft = (await save(writer, "/compose"))["draft"]
    answer = await writer.post(draft, {**GOOD, "do": "discard"})
    assert answer.headers["Location"] == "/inbox"
    assert not await messages(db, MessageKind.DRAFT)


# ---- how far it is ----


async def test_each_addressee_is_shown_with_how_far_it_is(
    bob: Signed, mail: SealedMail, db: Database, rings: Rings, clock: Clock
) -> None:
    to = "Alice Example <alice@ct.gov>, dave@ct.gov, erin@ct.gov, frank@ct.gov"
    answer = await bob.post(address(mail, "/reply"), {**GOOD, "to": to})
    page = await (await bob.get(answer.headers["Location"])).get_data(as_text=True)
    assert page.count("Waiting to be sent") == 4
    assert "Not delivered" not in await (await bob.get("/sent")).get_data(as_text=True)
    states = {
        "dave@ct.gov": (HandedOver.DELIVERED, ""),
        "erin@ct.gov": (HandedOver.RETURNED, "5.2.2"),
        "frank@ct.gov": (HandedOver.FAILED, ""),
    }
    async with db.writing() as session:
        for name, (state, reason) in states.items():
            await session.execute(
                update(Handover)
                .where(Handover.address_index == address_index(rings["portal"], name))
                .values(state=state, reason=reason, changed_at=clock.now)
            )
    listed = await (await bob.get("/sent")).get_data(as_text=True)
    assert "Not delivered to everyone" in listed
    link = re.search(r'href="(/m/[0-9a-f]{32})', listed)
    assert link is not None
    page = await (await bob.get(link[1])).get_data(as_text=True)
    for words in (
        "Waiting to be sent",
        "Delivered to the state mailbox",
        "The mailbox is full. Try again in a few days, or call.",
        "Something went wrong on the way.",
    ):
        assert page.count(words) == 1
    assert "Waiting to be sent" not in await (await bob.get(address(mail))).get_data(as_text=True)


async def bodies(db: Database, blobs: Blobs, message: Message, sheet: Any, key: Any) -> tuple[str, str]:
    async with db.reading() as session:
        content = Content(blobs, key, message.id, await list_blobs(session, message.id))
    by_type = {part.type: part for part in sheet.parts}
    return await content.read_text(by_type["text/plain"]), await content.read_text(by_type["text/html"])


@pytest.mark.parametrize("over", [0, 1])
async def test_a_subject_has_four_hundred_characters(bob: Signed, mail: SealedMail, over: int) -> None:
    draft = (await save(bob, address(mail, "/reply"), subject="😀" * 399 + "x" + "y" * over))["draft"]
    assert f'value="{"😀" * 399}x"' in await (await bob.get(draft)).get_data(as_text=True)
