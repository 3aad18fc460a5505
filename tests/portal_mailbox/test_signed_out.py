"""A form that is sent after its session ended: nothing is done, and what was typed comes back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from quart import Response
from sqlalchemy import func, select, update

from service.accounts.sessions import add_session
from service.blobs import Blobs
from service.core.states import MessageKind
from service.db.engine import Database
from service.db.tables import Account, Message, Outbox
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, SealedMail, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed

TYPED = {
    "nonce": "n1", "base": "", "to": "alice@ct.gov", "cc": "dave@ct.gov", "subject": "RE: [secure] <b>Lease</b>",
    "text": "Two hours of work.\n</textarea><b>bold</b>",
}  # fmt: skip
WORDS = "Two hours of work.\n&lt;/textarea&gt;&lt;b&gt;bold&lt;/b&gt;"


@pytest.fixture
async def mail(db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(db, rings, blobs, with_files(("a.txt", "text/plain", b"a")), to=(BOB,), now=clock.now)


async def text_of(response: Response) -> str:
    return (await response.get_data(as_text=True)).replace("&#34;", '"')


async def stored(db: Database) -> tuple[int | None, int | None]:
    async with db.reading() as session:
        drafts = select(func.count()).select_from(Message).where(Message.kind != MessageKind.RECEIVED)
        return await session.scalar(drafts), await session.scalar(select(func.count()).select_from(Outbox))


async def again(bob: Signed, db: Database, rings: dict[str, KeyRing], clock: Clock) -> Signed:
    """Sign in anew, in another window of the same browser."""
    async with db.writing() as session:
        return replace(bob, token=await add_session(session, rings["portal"], bob.recipient_id, None, clock()))


@pytest.mark.parametrize("do", ["send", "save", "attach"])
@pytest.mark.parametrize("tail", ["/reply", "/reply-all", "/forward"])
async def test_words_come_back_after_a_new_sign_in(
    bob: Signed, mail: SealedMail, db: Database, rings: dict[str, KeyRing], clock: Clock, do: str, tail: str
) -> None:
    path = f"/m/{mail.deliveries[BOB].hex}{tail}"
    clock.advance(timedelta(minutes=15))
    before = await stored(db)
    answer = await bob.post(path, {**TYPED, "do": do}, [("plan.pdf", b"x" * 1000)])
    page = await text_of(answer)
    assert answer.status_code == 401
    assert "You were signed out" in page
    assert WORDS in page
    assert f'action="{path}"' in page
    assert 'value="alice@ct.gov"' in page
    assert "RE: [secure] &lt;b&gt;Lease&lt;/b&gt;" in page
    assert 'target="_blank"' in page
    assert "Choose your files again." in page
    assert await stored(db) == before
    anew = await again(bob, db, rings, clock)
    answer = await anew.post(path, {**TYPED, "do": "look"}, csrf="of the session before")
    page = await text_of(answer)
    assert answer.status_code == 400
    assert "This page was open too long. We kept what you typed. Press the button again." in page
    assert WORDS in page
    assert f'value="{anew.csrf}"' in page
    assert await stored(db) == before
    answer = await anew.post(path, {**TYPED, "do": "send"}, carry=[])
    assert answer.status_code == 303
    assert (await stored(db))[0] == 1


async def test_draft_that_is_stored_takes_the_words_too(
    bob: Signed, mail: SealedMail, db: Database, rings: dict[str, KeyRing], clock: Clock
) -> None:
    answer = await bob.post(f"/m/{mail.deliveries[BOB].hex}/reply", {**TYPED, "text": "First.", "do": "save"})
    draft = answer.headers["Location"]
    clock.advance(timedelta(minutes=15))
    answer = await bob.post(draft, {**TYPED, "do": "save"})
    assert answer.status_code == 401
    assert WORDS in await text_of(answer)
    anew = await again(bob, db, rings, clock)
    assert "First." in await text_of(await anew.get(draft))
    answer = await anew.post(draft, {**TYPED, "do": "look"}, csrf="of the session before")
    assert WORDS in await text_of(answer)
    assert (await anew.post(draft, {**TYPED, "do": "save"})).status_code == 303
    assert WORDS in await text_of(await anew.get(draft))


async def test_script_is_told_to_sign_in_and_keeps_its_words(bob: Signed, mail: SealedMail, clock: Clock) -> None:
    path = f"/m/{mail.deliveries[BOB].hex}/reply"
    clock.advance(timedelta(minutes=15))
    answer = await bob.post(path, {**TYPED, "do": "save"}, Accept="application/json")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?out=time")


async def test_what_was_to_be_discarded_needs_no_keeping(bob: Signed, mail: SealedMail, clock: Clock) -> None:
    clock.advance(timedelta(minutes=15))
    answer = await bob.post(f"/m/{mail.deliveries[BOB].hex}/reply", {**TYPED, "do": "discard"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?out=time")


async def test_other_sites_get_no_page_of_ours_with_their_words(bob: Signed, mail: SealedMail, clock: Clock) -> None:
    clock.advance(timedelta(minutes=15))
    path = f"/m/{mail.deliveries[BOB].hex}/reply"
    foreign: dict[str, Any] = {"Sec-Fetch-Site": "cross-site"}
    answer = await bob.post(path, {**TYPED, "do": "save"}, **foreign)
    assert answer.status_code == 403


async def test_password_that_grows_old_meanwhile_costs_no_word(
    bob: Signed, mail: SealedMail, db: Database, clock: Clock
) -> None:
    async with db.writing() as session:
        await session.execute(update(Account).values(password_at=clock() - timedelta(days=60)))
    path = f"/m/{mail.deliveries[BOB].hex}/reply"
    answer = await bob.post(path, {**TYPED, "do": "save"})
    assert answer.status_code == 303
    draft = answer.headers["Location"]
    assert draft.startswith("/drafts/")
    assert (await bob.get(draft)).headers["Location"] == "/password"
