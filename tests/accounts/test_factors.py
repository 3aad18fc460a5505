"""Passkeys, codes and challenges on both databases: once is once, however many ask at the same moment."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import func, select, update

from service.accounts.factors.authenticator import new_secret, step_of, turn_off, turn_on
from service.accounts.factors.ceremonies import Site
from service.accounts.factors.challenges import TRIES, add_challenge, end_challenges, get_challenge, use_challenge
from service.accounts.factors.passkeys import Answer, add_passkey, begin_adding, begin_signing, sign_in_with_passkey
from service.accounts.factors.proving import Proof, Proving, prove_with_password
from service.accounts.factors.recovery import COUNT, count_codes, normal, renew_codes, take_code
from service.accounts.factors.second_step import Given, NeedsCode, Passed, WrongCode, pass_second
from service.accounts.places import forget_browser, list_places, sign_out_elsewhere, sign_out_place
from service.accounts.sessions import find_session
from service.accounts.signing_in import Attempt, CameIn, NotSignedIn, sign_in
from service.core.limits import STEP_LIFE
from service.core.rules import AS_SHIPPED
from service.core.states import AccountState, Step
from service.db.tables import Account, Challenge, Device, Passkey, Recipient, Session
from tests.accounts.conftest import PASSWORD, World
from tests.conftest import NOW
from tests.factors.device import Device as Phone
from tests.mailbox.builders import BOB, CAROL

SITE = Site("safemail.example.gov", "https://safemail.example.gov", "Safemail")
SECOND = timedelta(seconds=1)


async def codes_on(world: World, account_id: uuid.UUID) -> tuple[TOTP, list[str]]:
    secret = new_secret(BOB, "Safemail").secret
    async with world.db.writing() as session:
        account = await session.get_one(Account, account_id)
        recipient = await session.get_one(Recipient, account_id)
        codes = await turn_on(session, world.ring, account, recipient, secret, 0, world.clock())
    return TOTP(secret), codes


async def right_password(world: World, device: str = "") -> str:
    attempt = Attempt(BOB, PASSWORD, device, "192.0.2.1")
    needed = await sign_in(world.db, world.ring, world.gate, attempt, world.clock())
    assert isinstance(needed, NeedsCode)
    return needed.token


async def give(world: World, token: str, code: str = "", recovery: str = "") -> Passed | WrongCode | None:
    return await pass_second(world.db, world.ring, Given(token, code, recovery), world.clock())


async def a_passkey(world: World, account_id: uuid.UUID) -> Phone:
    phone = Phone(SITE.host, SITE.origin)
    async with world.db.writing() as session:
        begun = await begin_adding(session, world.ring, SITE, account_id, BOB, "Bob Example", world.clock())
        assert begun is not None
        answer = Answer(begun[0], phone.create(begun[1]))
        assert await add_passkey(session, world.ring, SITE, account_id, answer, "Blue phone", world.clock())
    return phone


async def ask(world: World) -> tuple[str, str]:
    async with world.db.writing() as session:
        return await begin_signing(session, world.ring, SITE, "192.0.2.1", world.clock())


async def come(world: World, token: str, text: str) -> CameIn | NotSignedIn:
    return await sign_in_with_passkey(world.db, world.ring, SITE, Answer(token, text), world.clock())


@pytest.mark.parametrize(("early", "lives"), [(SECOND, True), (timedelta(0), False)])
async def test_challenge_lives_for_its_time(world: World, early: timedelta, lives: bool) -> None:
    async with world.db.writing() as session:
        token = await add_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, world.clock(), content=b"x")
    world.clock.advance(STEP_LIFE - early)
    async with world.db.reading() as session:
        found = await get_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, token, world.clock())
        other = await get_challenge(session, world.ring, Step.PASSKEY_ADD, token, world.clock())
    assert (found is not None, other) == (lives, None)


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "ñ", "\0"])
async def test_challenge_of_no_cookie_is_none(world: World, token: str) -> None:
    async with world.db.reading() as session:
        assert await get_challenge(session, world.ring, Step.SECOND_FACTOR, token, world.clock()) is None


@pytest.mark.parametrize(("tries", "lives"), [(TRIES - 1, True), (TRIES, False)])
async def test_challenge_ends_with_its_tries(world: World, tries: int, lives: bool) -> None:
    async with world.db.writing() as session:
        token = await add_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, world.clock())
        await session.execute(update(Challenge).values(tries=tries))
    async with world.db.reading() as session:
        found = await get_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, token, world.clock())
    assert (found is not None) is lives


async def test_challenge_that_the_portal_did_not_write_so_is_none(world: World) -> None:
    bob, carol = await world.register(), await world.register(CAROL)
    forged = {
        "account_id": carol,
        "content": b"chosen by eve",
        "step": Step.SECOND_FACTOR,
        "expires_at": world.clock() + timedelta(days=1),
    }
    for name, value in forged.items():
        async with world.db.writing() as session:
            token = await add_challenge(
                session, world.ring, Step.AUTHENTICATOR_ADD, world.clock(), account_id=bob, content=b"x"
            )
            assert await get_challenge(session, world.ring, Step.AUTHENTICATOR_ADD, token, world.clock())
            await session.execute(update(Challenge).values({name: value}))
        step = Step.SECOND_FACTOR if name == "step" else Step.AUTHENTICATOR_ADD
        async with world.db.writing() as session:
            assert await get_challenge(session, world.ring, step, token, world.clock()) is None, name
            await end_challenges(session, bob, step)


async def test_challenges_that_ran_out_are_thrown_away_with_the_next(world: World) -> None:
    async with world.db.writing() as session:
        await add_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, world.clock())
    world.clock.advance(STEP_LIFE)
    async with world.db.writing() as session:
        await add_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, world.clock())
        assert await session.scalar(select(func.count()).select_from(Challenge)) == 1


async def test_challenge_is_used_by_one_of_many(world: World) -> None:
    async with world.db.writing() as session:
        token = await add_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, world.clock())
    async with world.db.reading() as session:
        row = await get_challenge(session, world.ring, Step.PASSKEY_SIGN_IN, token, world.clock())
    assert row is not None

    async def use() -> bool:
        async with world.db.writing() as session:
            return await use_challenge(session, row)

    assert sorted(await asyncio.gather(*(use() for _ in range(8)))) == [False] * 7 + [True]


async def test_one_code_given_by_many_browsers_opens_one_session(world: World) -> None:
    account_id = await world.register()
    totp, _ = await codes_on(world, account_id)
    tokens = [await right_password(world) for _ in range(4)]
    results = await asyncio.gather(*(give(world, token, totp.at(world.clock())) for token in tokens))
    assert sum(isinstance(result, Passed) for result in results) == 1
    assert sum(isinstance(result, WrongCode) for result in results) == 3


async def test_one_recovery_code_given_by_many_browsers_opens_one_session(world: World) -> None:
    account_id = await world.register()
    _, codes = await codes_on(world, account_id)
    tokens = [await right_password(world) for _ in range(4)]
    results = await asyncio.gather(*(give(world, token, recovery=codes[0]) for token in tokens))
    assert sum(isinstance(result, Passed) for result in results) == 1
    async with world.db.reading() as session:
        assert await count_codes(session, account_id) == COUNT - 1


async def test_second_step_used_by_many_at_once_opens_one_session(world: World) -> None:
    account_id = await world.register()
    totp, codes = await codes_on(world, account_id)
    token = await right_password(world)
    givens = [give(world, token, totp.at(world.clock())), give(world, token, recovery=codes[1])]
    results = await asyncio.gather(*givens)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Passed"]
    async with world.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 2  # with the registration's


async def test_wrong_codes_at_once_are_all_counted(world: World) -> None:
    account_id = await world.register()
    await codes_on(world, account_id)
    token = await right_password(world)
    results = await asyncio.gather(*(give(world, token, recovery="wrong") for _ in range(8)))
    assert sorted(result.left for result in results if isinstance(result, WrongCode)) == [0, 1, 2, 3, 4]
    assert results.count(None) == 3
    assert (await world.account(account_id)).failures == 5


async def test_session_of_the_second_step_is_a_session_with_a_fresh_proof(world: World) -> None:
    account_id = await world.register()
    totp, _ = await codes_on(world, account_id)
    passed = await give(world, await right_password(world), totp.at(world.clock()))
    assert isinstance(passed, Passed)
    async with world.db.reading() as session:
        found = await find_session(session, world.ring, AS_SHIPPED, passed.tokens.session, world.clock())
    assert found is not None
    assert (found.account.id, found.session.proven_at) == (account_id, world.clock())


async def test_codes_that_are_turned_off_end_what_waits_for_one(world: World) -> None:
    account_id = await world.register()
    totp, _ = await codes_on(world, account_id)
    token = await right_password(world)
    async with world.db.writing() as session:
        account = await session.get_one(Account, account_id)
        assert await turn_off(session, account, world.clock())
        assert not await turn_off(session, account, world.clock())
    assert await give(world, token, totp.at(world.clock())) is None


def test_code_of_the_step_before_and_after_counts_and_none_beyond() -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    now, own = NOW, TOTP(secret).timecode(NOW)
    found = [step_of(secret, TOTP(secret).at(now, counter_offset=offset), now) for offset in range(-3, 4)]
    assert found == [None, None, own - 1, own, own + 1, None, None]
    assert step_of(secret, TOTP(secret).at(now), now, own - 1) == own
    assert step_of(secret, TOTP(secret).at(now), now, own) is None


@pytest.mark.parametrize("typed", ["7k4m2qx9tb", "7K4M2-QX9TB", " 7k4m2 qx9tb ", "7K4M2—QX9TB"])
def test_recovery_code_is_read_however_it_is_written(typed: str) -> None:
    assert normal(typed) == "7K4M2QX9TB"
    assert normal("OIL0") == "0110"


async def test_recovery_codes_of_two_accounts_and_of_a_moved_row_do_not_mix(world: World) -> None:
    bob, carol = await world.register(), await world.register(CAROL)
    async with world.db.writing() as session:
        bobs = await renew_codes(session, world.ring, bob, world.clock())
        carols = await renew_codes(session, world.ring, carol, world.clock())
    async with world.db.writing() as session:
        assert not await take_code(session, world.ring, bob, carols[0], world.clock())
        assert await take_code(session, world.ring, bob, bobs[0], world.clock())
        assert not await take_code(session, world.ring, bob, bobs[0], world.clock())
        assert not await take_code(session, world.ring, bob, "", world.clock())
    async with world.db.writing() as session:
        again = await renew_codes(session, world.ring, bob, world.clock())
        assert not await take_code(session, world.ring, bob, bobs[1], world.clock())
        assert await count_codes(session, bob) == COUNT
    assert not set(again) & set(bobs)


async def test_passkey_signs_in_on_both_databases_and_a_challenge_at_once_serves_one(world: World) -> None:
    account_id = await world.register()
    phone = await a_passkey(world, account_id)
    token, options = await ask(world)
    text = phone.get(options)
    results = await asyncio.gather(*(come(world, token, text) for _ in range(4)))
    assert sum(isinstance(result, CameIn) and result.account_id == account_id for result in results) == 1
    assert results.count(NotSignedIn.WRONG) == 3


async def test_passkey_whose_key_was_replaced_opens_nothing(world: World) -> None:
    account_id = await world.register()
    phone, eve = await a_passkey(world, account_id), Phone(SITE.host, SITE.origin)
    carol = await world.register(CAROL)
    await a_passkey(world, carol)
    async with world.db.writing() as session:
        eves = (await session.scalars(select(Passkey.public_key).where(Passkey.account_id == carol))).one()
        await session.execute(update(Passkey).where(Passkey.account_id == account_id).values(public_key=eves))
    token, options = await ask(world)
    eve.credential_id, eve.handle = phone.credential_id, account_id.bytes
    assert await come(world, token, eve.get(options)) is NotSignedIn.WRONG


async def test_wrong_proof_counts_against_the_browser_and_right_proof_is_noted(world: World) -> None:
    account_id = await world.register()
    async with world.db.reading() as session:
        session_id = (await session.scalars(select(Session.id))).one()
    world.clock.advance(timedelta(minutes=5))

    async def prove(password: str) -> Proof:
        proving = Proving(account_id, session_id, password)
        return await prove_with_password(world.db, world.ring, world.gate, proving, world.clock())

    assert await prove("wrong") is Proof.WRONG
    assert await prove(PASSWORD) is Proof.RIGHT
    async with world.db.reading() as session:
        assert (await session.scalars(select(Session.proven_at))).one() == world.clock()
        assert (await session.scalars(select(Device.failures))).one() == 1
        assert (await session.scalars(select(Account.failures))).one() == 0


async def test_places_are_the_accounts_own(world: World) -> None:
    bob, carol = await world.register(), await world.register(CAROL)
    async with world.db.reading() as session:
        rows = {row.account_id: row for row in await session.scalars(select(Session))}
        devices = {row.account_id: row for row in await session.scalars(select(Device))}
        places = await list_places(session, AS_SHIPPED, bob, rows[bob].id, world.clock())
    assert places.here is not None
    assert (places.here.id, places.elsewhere, places.known) == (rows[bob].id, [], [])
    async with world.db.writing() as session:
        assert not await sign_out_place(session, bob, rows[carol].id)
        assert not await forget_browser(session, bob, devices[carol].id)
        assert await sign_out_elsewhere(session, bob, rows[bob].id) == []
        assert await sign_out_place(session, carol, rows[carol].id)
        known = (await list_places(session, AS_SHIPPED, carol, rows[carol].id, world.clock())).known
        assert [place.id for place in known] == [devices[carol].id]
        assert await forget_browser(session, carol, devices[carol].id)


async def test_locked_and_switched_off_at_the_second_step(world: World) -> None:
    account_id = await world.register()
    totp, _ = await codes_on(world, account_id)
    for state in (AccountState.LOCKED, AccountState.DISABLED):
        token = await right_password(world)
        async with world.db.writing() as session:
            await session.execute(update(Account).values(state=state))
        assert await give(world, token, totp.at(world.clock())) is None
        async with world.db.writing() as session:
            await session.execute(update(Account).values(state=AccountState.ACTIVE))
