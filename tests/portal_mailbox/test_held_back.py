"""A request that is held back until its session ended does nothing: what counts is the moment when it is whole."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import pytest
from quart import Quart, Response
from sqlalchemy import delete, func, select

from service.accounts.changing import change_password
from service.accounts.factors.proving import Proof, Proving, prove_with_password
from service.blobs import Blobs
from service.core.browsers import Browser
from service.db.engine import Database
from service.db.tables import Account, Message, Session
from service.errors import Refused
from service.portal.state import Portal
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import SealedMail, a_sealed_mail
from tests.portal_mailbox.conftest import HOST, Signed, multipart

LONG_ENOUGH = 0.25
"""Seconds: for a look at the session, where one is taken before the form is whole."""
End = Callable[[], Awaitable[None]]


@pytest.fixture
def end_session(db: Database) -> End:
    """Sign the reader out elsewhere, as a new password does."""

    async def end() -> None:
        async with db.writing() as session:
            await session.execute(delete(Session))

    return end


@pytest.fixture
async def mail(db: Database, rings: dict[str, KeyRing], blobs: Blobs, clock: Clock) -> SealedMail:
    return await a_sealed_mail(db, rings, blobs, now=clock.now)


async def held(app: Quart, who: Signed, path: str, kind: str, body: bytes, meanwhile: End) -> Response:
    """Send a form whose last bytes come after something else happened."""
    headers = {"Host": HOST, "Cookie": f"safemail={who.token}", "Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    headers["Content-Length"] = str(len(body))
    client = app.test_client(use_cookies=False)
    async with client.request(path, method="POST", headers=headers) as connection:
        await connection.send(body[:-20])
        await asyncio.sleep(LONG_ENOUGH)
        await meanwhile()
        await connection.send(body[-20:])
        await connection.send_complete()
    return await connection.as_response()


async def test_a_form_held_back_changes_nothing(app: Quart, bob: Signed, db: Database, end_session: End) -> None:
    fields = {"csrf": bob.csrf, "first": "Mallory", "last": "Mallory", "more": "x" * 40}
    kind = "application/x-www-form-urlencoded"
    async with db.reading() as session:
        before = await session.scalar(select(Account.name).where(Account.id == bob.recipient_id))
    answer = await held(app, bob, "/preferences/profile", kind, urlencode(fields).encode(), end_session)
    assert (answer.status_code, answer.location) == (303, "/sign-in?out=time")
    async with db.reading() as session:
        assert await session.scalar(select(Account.name).where(Account.id == bob.recipient_id)) == before


@pytest.mark.parametrize("do", ["send", "save"])
async def test_a_reply_held_back_is_neither_sent_nor_kept(
    app: Quart, bob: Signed, mail: SealedMail, db: Database, end_session: End, do: str
) -> None:
    words = ("csrf", bob.csrf), ("to", "alice@ct.gov"), ("text", "Held back"), ("do", do)
    kind, body = multipart([(name, None, value.encode()) for name, value in words])
    path = f"/m/{next(iter(mail.deliveries.values())).hex}/reply"
    answer = await held(app, bob, path, kind, body, end_session)
    assert answer.status_code == 401
    page = await answer.get_data(as_text=True)
    assert "You were signed out" in page
    assert "Held back" in page
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == 1


async def test_a_password_is_not_set_by_a_session_that_ended(
    bob: Signed, db: Database, rings: dict[str, KeyRing], end_session: End, clock: Clock
) -> None:
    """Between the check of the old password and this lies a hash: time enough for a mailed link to end it all."""
    async with db.reading() as session:
        session_id = await session.scalar(select(Session.id))
    assert session_id is not None
    await end_session()
    async with db.writing() as session:
        with pytest.raises(Refused):
            await change_password(
                session, rings["portal"], bob.recipient_id, session_id, "stored", "", Browser(), clock.now
            )
    async with db.reading() as session:
        assert await session.scalar(select(Account.password).where(Account.id == bob.recipient_id)) == "none"


async def test_a_session_that_ended_proves_nothing(
    app: Quart, bob: Signed, db: Database, rings: dict[str, KeyRing], end_session: End, clock: Clock
) -> None:
    state: Portal = app.extensions["safemail"]
    stored = await state.hashing.hash("seven blue herons 41 lanterns", bob.recipient_id)
    async with db.writing() as session:
        account, row = await session.get_one(Account, bob.recipient_id), await session.scalar(select(Session.id))
        account.password = stored
    assert row is not None
    await end_session()
    proving = Proving(bob.recipient_id, row, "seven blue herons 41 lanterns")
    assert await prove_with_password(db, rings["portal"], state.hashing, proving, clock.now) is Proof.ENDED
