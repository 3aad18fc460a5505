"""Passkeys: added by who proved it, each challenge once, in without the password, and nobody else's."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quart import Quart
from sqlalchemy import func, select, update

from service.accounts.rates import PASSKEYS, allow
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, AuditEntry, Challenge, Passkey, Recipient, Session
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.factors.conftest import SECURITY
from tests.factors.device import Device, write
from tests.mailbox.builders import BOB, CAROL
from tests.portal.conftest import HOST, ORIGIN, PASSWORD, Browser, Register, Seen, Told, sign_in

OPTIONS = "/sign-in/passkey/options"


async def add(browser: Browser, device: Device, name: str = "Blue phone", **wrong: Any) -> Seen:
    await browser.get(SECURITY)
    await browser.follow(await browser.post(f"{SECURITY}/passkeys"))
    proof = browser.csrf
    asked = await browser.post(f"{SECURITY}/passkeys/options")
    assert asked.status == 200, asked.text
    answer = device.create(asked.text, **wrong)
    return await browser.post(f"{SECURITY}/passkeys/add", csrf=proof, name=name, answer=answer)


async def come(browser: Browser, device: Device, **wrong: Any) -> Seen:
    """Press the sign-in page's button."""
    await browser.get("/sign-in")
    proof = browser.csrf
    asked = await browser.post(OPTIONS, csrf=proof)
    return await browser.post("/sign-in/passkey", csrf=proof, answer=device.get(asked.text, **wrong))


async def count(db: Database, table: Any) -> int:
    async with db.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def test_passkey_signs_in_without_address_and_password(
    registered: Register, device: Device, stranger: Browser, db: Database, told: Told
) -> None:
    person = await registered()
    assert (await add(person.browser, device)).to == f"{SECURITY}?done=passkey-added"
    page = (await person.browser.get(f"{SECURITY}?done=passkey-added")).text
    assert "Blue phone" in page
    assert "Not used yet." in page
    assert "Your new passkey can sign you in from now on." in page
    answer = await come(stranger, device)
    assert (answer.status, answer.to) == (303, "/")
    assert (await stranger.get("/inbox")).status == 200
    assert await count(db, Challenge) == 0
    assert "Last used: November 24, 2026" in (await stranger.get(SECURITY)).text
    assert [letter["kind"] for letter in await told()] == ["factor_added", "new_device"]


async def test_passkey_leads_to_the_message_that_somebody_came_for(
    registered: Register, device: Device, stranger: Browser
) -> None:
    person = await registered()
    await add(person.browser, device)
    await stranger.follow(await stranger.get(person.notice.link))
    assert (await come(stranger, device)).to == person.notice.message


async def test_what_the_browser_is_asked_for(registered: Register, device: Device, stranger: Browser) -> None:
    person = await registered()
    await stranger.get("/sign-in")
    asked = json.loads((await stranger.post(OPTIONS)).text)
    assert (asked["rpId"], asked["userVerification"], asked["allowCredentials"]) == (HOST, "required", [])
    await add(person.browser, device)
    await person.browser.get(SECURITY)
    asked = json.loads((await person.browser.post(f"{SECURITY}/passkeys/options")).text)
    assert asked["rp"] == {"id": HOST, "name": "Safemail"}
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"
    assert [one["id"] for one in asked["excludeCredentials"]] == [write(device.credential_id)]


@pytest.mark.parametrize("wrong", [{"origin": "https://evil.example"}, {"verified": False}])
async def test_answer_of_another_site_or_without_its_owner_is_refused(
    registered: Register, device: Device, stranger: Browser, db: Database, wrong: dict[str, Any]
) -> None:
    person = await registered()
    refused = await add(person.browser, device, **wrong)
    assert refused.status == 422
    assert "That did not work." in refused.text
    assert await count(db, Passkey) == 0
    await add(person.browser, device)
    answer = await come(stranger, device, **wrong)
    assert answer.status == 401
    assert "That passkey does not open an account here." in answer.text


async def test_passkey_of_another_host_is_refused(registered: Register, db: Database) -> None:
    person = await registered()
    assert (await add(person.browser, Device("evil.example", ORIGIN))).status == 422
    assert await count(db, Passkey) == 0


async def test_challenge_serves_once_whether_right_or_wrong(
    registered: Register, device: Device, stranger: Browser
) -> None:
    person = await registered()
    await add(person.browser, device)
    await stranger.get("/sign-in")
    proof = stranger.csrf
    options = (await stranger.post(OPTIONS, csrf=proof)).text
    kept = dict(stranger.jar)
    assert (await stranger.post("/sign-in/passkey", csrf=proof, answer=device.get(options))).status == 303
    stranger.jar = dict(kept)
    assert (await stranger.post("/sign-in/passkey", csrf=proof, answer=device.get(options))).status == 401
    options = (await stranger.post(OPTIONS, csrf=proof)).text
    kept = dict(stranger.jar)
    assert (await stranger.post("/sign-in/passkey", csrf=proof, answer="{}")).status == 401
    stranger.jar = kept
    assert (await stranger.post("/sign-in/passkey", csrf=proof, answer=device.get(options))).status == 401


@pytest.mark.parametrize(("after", "status"), [(timedelta(minutes=4, seconds=59), 303), (timedelta(minutes=5), 401)])
async def test_challenge_lives_five_minutes(
    registered: Register, device: Device, stranger: Browser, clock: Clock, after: timedelta, status: int
) -> None:
    person = await registered()
    await add(person.browser, device)
    await stranger.get("/sign-in")
    proof = stranger.csrf
    options = (await stranger.post(OPTIONS, csrf=proof)).text
    clock.advance(after)
    assert (await stranger.post("/sign-in/passkey", csrf=proof, answer=device.get(options))).status == status


async def test_challenge_of_another_browser_is_refused(registered: Register, device: Device, stranger: Browser) -> None:
    person = await registered()
    await add(person.browser, device)
    other = person.elsewhere()
    await other.get("/sign-in")
    options = (await other.post(OPTIONS)).text
    await stranger.get("/sign-in")
    proof = stranger.csrf
    await stranger.post(OPTIONS, csrf=proof)
    assert (await stranger.post("/sign-in/passkey", csrf=proof, answer=device.get(options))).status == 401


async def test_counter_that_goes_back_is_refused_and_noted(
    registered: Register, device: Device, stranger: Browser, db: Database
) -> None:
    person = await registered()
    await add(person.browser, device)
    assert (await come(stranger, device)).status == 303
    device.count = 0  # a copy of the device signs: it counts 1 again
    assert (await come(person.elsewhere(), device)).status == 401
    async with db.reading() as session:
        noted = (await session.scalars(select(AuditEntry).where(AuditEntry.verb == "passkey.refuse"))).all()
    assert [entry.detail.endswith("counter") for entry in noted] == [True]
    assert (await come(person.elsewhere(), device)).status == 303


async def test_passkey_that_does_not_count_signs_in_again_and_again(registered: Register) -> None:
    person, synced = await registered(), Device(HOST, ORIGIN, is_counting=False)
    await add(person.browser, synced)
    for _ in range(3):
        assert (await come(person.elsewhere(), synced)).status == 303


async def test_lock_keeps_out_guesses_and_lets_a_passkey_in(
    registered: Register, device: Device, stranger: Browser, db: Database, clock: Clock
) -> None:
    person = await registered()
    await add(person.browser, device)
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.LOCKED, locked_at=clock()))
    assert (await come(stranger, device)).status == 303
    async with db.reading() as session:
        assert (await session.scalars(select(Account.state))).one() is AccountState.LOCKED
    assert (await sign_in(person.elsewhere(), BOB, PASSWORD)).status == 401


async def test_switched_off_account_says_so_and_an_ended_recipient_is_nobody(
    registered: Register, device: Device, stranger: Browser, db: Database, clock: Clock
) -> None:
    person = await registered()
    await add(person.browser, device)
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.DISABLED))
    answer = await come(stranger, device)
    assert answer.status == 403
    assert "Your account is switched off" in answer.text
    async with db.writing() as session:
        await session.execute(update(Account).values(state=AccountState.ACTIVE))
        await session.execute(update(Recipient).values(ended_at=clock()))
    assert (await come(stranger, device)).status == 401


async def test_passkey_that_was_moved_to_another_account_opens_nothing(
    registered: Register, device: Device, stranger: Browser, db: Database
) -> None:
    bob, carol = await registered(), await registered(CAROL)
    await add(carol.browser, device)
    async with db.writing() as session:
        bobs = select(Session.account_id).where(Session.account_id != select(Passkey.account_id).scalar_subquery())
        await session.execute(update(Passkey).values(account_id=bobs.limit(1).scalar_subquery()))
    device.handle = b""
    assert (await come(stranger, device)).status == 401
    assert bob.browser.jar != carol.browser.jar


async def test_handle_of_another_account_is_refused(registered: Register, device: Device, stranger: Browser) -> None:
    person = await registered()
    await add(person.browser, device)
    device.handle = bytes(16)
    assert (await come(stranger, device)).status == 401


async def test_no_more_than_ten(registered: Register, db: Database) -> None:
    browser = (await registered()).browser
    for number in range(10):
        assert (await add(browser, Device(HOST, ORIGIN), f"Key {number}")).status == 303
    page = (await browser.get(SECURITY)).text
    assert "You have ten passkeys." in page
    assert "Add a passkey" not in page
    await browser.get(f"{SECURITY}/passkeys/add")
    assert (await browser.post(f"{SECURITY}/passkeys/options")).status == 409
    assert await count(db, Passkey) == 10


async def test_one_credential_belongs_to_one_account(registered: Register, device: Device, db: Database) -> None:
    bob, carol = await registered(), await registered(CAROL)
    assert (await add(bob.browser, device)).status == 303
    assert (await add(carol.browser, device)).status == 422
    assert await count(db, Passkey) == 1


async def test_last_passkey_asks_before_it_goes_and_signs_out_the_others(
    registered: Register, device: Device, stranger: Browser, db: Database, told: Told
) -> None:
    person = await registered()
    await add(person.browser, device, "Old phone")
    await come(stranger, device)
    async with db.reading() as session:
        row_id = (await session.scalars(select(Passkey.id))).one()
    page = await person.browser.get(SECURITY)
    path = f"{SECURITY}/passkeys/{row_id.hex}/remove"
    assert path in page.text
    sure = await person.browser.post(path)
    assert "Remove your last passkey?" in sure.text
    assert "Old phone" in sure.text
    assert await count(db, Passkey) == 1
    assert (await person.browser.post(path, sure="yes")).to == f"{SECURITY}?done=passkey-removed"
    assert await count(db, Passkey) == 0
    assert (await stranger.get("/inbox")).status == 303
    assert (await come(person.elsewhere(), device)).status == 401
    assert [letter["kind"] for letter in await told()][-1] == "factor_removed"


async def test_passkey_of_somebody_else_is_not_there(registered: Register, device: Device, db: Database) -> None:
    bob, carol = await registered(), await registered(CAROL)
    await add(bob.browser, device)
    async with db.reading() as session:
        row_id = (await session.scalars(select(Passkey.id))).one()
    await carol.browser.get(SECURITY)
    theirs = await carol.browser.post(f"{SECURITY}/passkeys/{row_id.hex}/remove", sure="yes")
    await carol.browser.get(SECURITY)
    never = await carol.browser.post(f"{SECURITY}/passkeys/{'0' * 32}/remove", sure="yes")
    assert (theirs.status, never.status) == (404, 404)
    assert await count(db, Passkey) == 1


@pytest.mark.parametrize(("name", "status"), [("", 422), ("x" * 60, 303), ("x" * 61, 303)])
async def test_passkey_has_a_name_of_sixty_characters_at_most(
    registered: Register, device: Device, name: str, status: int
) -> None:
    browser = (await registered()).browser
    assert (await add(browser, device, name)).status == status
    if status == 303:
        page = (await browser.get(SECURITY)).text
        assert "x" * 59 in page
        assert "x" * 61 not in page


async def test_database_tells_nothing_of_a_name(registered: Register, device: Device, db: Database) -> None:
    browser = (await registered()).browser
    await add(browser, device, "Violet handbag")
    async with db.reading() as session:
        row = (await session.scalars(select(Passkey))).one()
    assert b"Violet" not in row.name


async def test_without_script_the_page_says_what_is_needed(registered: Register) -> None:
    browser = (await registered()).browser
    await browser.get(SECURITY)
    page = await browser.follow(await browser.post(f"{SECURITY}/passkeys"))
    assert "Adding a passkey needs JavaScript" in page.text
    answer = await browser.post(f"{SECURITY}/passkeys/add", name="Phone", answer="")
    assert answer.status == 200
    assert 'value="Phone"' in answer.text


async def test_two_hundred_challenges_an_hour_from_one_network(
    stranger: Browser, db: Database, rings: dict[str, KeyRing], clock: Clock
) -> None:
    await stranger.get("/sign-in")
    proof = stranger.csrf
    async with db.writing() as session:
        for _ in range(199):
            assert await allow(session, rings["portal"], PASSKEYS, "unknown", clock())
    assert (await stranger.post(OPTIONS, csrf=proof)).status == 200
    assert (await stranger.post(OPTIONS, csrf=proof)).status == 429


@pytest.mark.parametrize("path", [OPTIONS, "/sign-in/passkey", f"{SECURITY}/passkeys", f"{SECURITY}/passkeys/add"])
async def test_without_the_forms_proof_nothing_is_begun(registered: Register, db: Database, path: str) -> None:
    browser = (await registered()).browser
    answer = await browser.post(path, csrf="forged", answer="{}", name="x")
    assert answer.status in {303, 400}
    assert answer.to in {"", "/sign-in"}
    assert await count(db, Challenge) + await count(db, Passkey) == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | st.binary(max_size=80).map(write)
        for name in ("id", "rawId", "type", "authenticatorAttachment", "clientExtensionResults")
    }
    | {
        "response": st.fixed_dictionaries(
            {},
            optional={
                name: JSON | st.binary(max_size=80).map(write)
                for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject")
            },
        )
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=st.one_of(KNOWN.map(json.dumps), JSON.map(json.dumps), st.text(max_size=40)))
async def test_no_answer_however_odd_is_a_fault_of_ours(app: Quart, answer: str) -> None:
    browser = Browser(app)
    await browser.get("/sign-in")
    proof = browser.csrf
    await browser.post(OPTIONS, csrf=proof)
    assert (await browser.post("/sign-in/passkey", csrf=proof, answer=answer)).status in {401, 429}
