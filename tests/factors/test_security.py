"""The security page: what it shows, what it changes, and that a change asks who one is."""

import re
from datetime import timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import func, select, update

from service.core.limits import STEP_LIFE
from service.core.states import AccountState
from service.db.engine import Database
from service.db.tables import Account, Challenge, Device, Passkey, RecoveryCode, Session
from tests.conftest import Clock
from tests.factors.conftest import SECURITY, Secure, codes_of, key_of, start
from tests.factors.device import Device as Phone
from tests.factors.test_passkeys import add
from tests.mailbox.builders import BOB, CAROL
from tests.portal.conftest import PASSWORD, Browser, Register, Seen, Told, sign_in

SECOND = timedelta(seconds=1)
FRESH = timedelta(minutes=5)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WRONG = "seven blue herons 42 lanterns"
ASKS = "Is it you?"


async def shown(browser: Browser) -> str:
    return (await browser.get(SECURITY)).text


async def with_firefox(browser: Browser) -> Seen:
    await browser.get("/sign-in")
    sent = {"Sec-Fetch-Site": "same-origin", "User-Agent": FIREFOX}
    return await browser.send("/sign-in", sent, csrf=browser.csrf, email=BOB, password=PASSWORD)


def hidden(page: Seen) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


async def test_codes_are_turned_on_with_a_picture_and_a_typed_key(
    registered: Register, told: Told, db: Database, clock: Clock
) -> None:
    browser = (await registered()).browser
    assert "Turn on" in await shown(browser)
    page = await start(browser)
    assert page.text.count('<svg class="sm-qr"') == 1
    assert "style=" not in page.text.partition("sm-qr")[2].partition("</svg>")[0]
    key = key_of(page)
    assert re.fullmatch("[A-Z2-7]{32}", key)
    async with db.reading() as session:
        assert (await session.scalars(select(Account.authenticator))).one() is None
        content = (await session.scalars(select(Challenge.content))).one()
    assert key.encode() not in (content or b"")
    wrong = await browser.post(f"{SECURITY}/authenticator", code="12345")
    assert (wrong.status, key_of(wrong)) == (422, key)
    answer = await browser.post(f"{SECURITY}/authenticator", code=TOTP(key).at(clock()))
    codes = codes_of(answer)
    assert len(set(codes)) == 10
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code) for code in codes)
    page_now = await shown(browser)
    assert "10 of 10 left" in page_now
    assert codes[0] not in page_now
    assert [letter["kind"] for letter in await told()] == ["factor_added"]
    assert (await told())[0]["factor"] == "authenticator"
    again = await browser.post(f"{SECURITY}/authenticator", code=TOTP(key).at(clock()))
    assert again.status == 303


async def test_turning_codes_on_signs_out_the_others_and_off_too(
    registered: Register, clock: Clock, db: Database
) -> None:
    person = await registered()
    other = person.elsewhere()
    await sign_in(other, BOB, PASSWORD)
    page = await start(person.browser)
    totp = TOTP(key_of(page))
    await person.browser.post(f"{SECURITY}/authenticator", code=totp.at(clock()))
    assert (await other.get("/inbox")).status == 303
    await sign_in(other, BOB, PASSWORD)
    await other.get("/sign-in/code")
    await other.post("/sign-in/code", code=totp.at(clock(), counter_offset=1))
    assert (await other.get("/inbox")).status == 200
    await shown(person.browser)
    assert (await person.browser.post(f"{SECURITY}/authenticator/off")).to == f"{SECURITY}?done=app-off"
    assert (await other.get("/inbox")).status == 303
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(RecoveryCode)) == 0
    assert (await sign_in(other, BOB, PASSWORD)).to == "/inbox"


async def test_fifth_wrong_code_ends_the_turning_on(registered: Register, clock: Clock) -> None:
    browser = (await registered()).browser
    key = key_of(await start(browser))
    for _ in range(5):
        assert (await browser.post(f"{SECURITY}/authenticator", code="000000")).status == 422
    answer = await browser.post(f"{SECURITY}/authenticator", code=TOTP(key).at(clock()))
    assert answer.to == f"{SECURITY}?done=app-late"
    assert "Turn codes on again." in (await browser.get(answer.to)).text


@pytest.mark.parametrize(("after", "lives"), [(STEP_LIFE - SECOND, True), (STEP_LIFE, False)])
async def test_turning_on_may_take_five_minutes(
    registered: Register, clock: Clock, after: timedelta, lives: bool
) -> None:
    browser = (await registered()).browser
    await start(browser)
    clock.advance(after)
    answer = await browser.get(f"{SECURITY}/authenticator")
    assert (answer.status, answer.to) == ((200, "") if lives else (303, f"{SECURITY}?done=app-late"))


async def test_turning_on_of_one_browser_is_not_anothers(registered: Register) -> None:
    bob, carol = await registered(), await registered(CAROL)
    await start(bob.browser)
    carol.browser.jar["__Host-safemail-step"] = bob.browser.jar["__Host-safemail-step"]
    assert (await carol.browser.get(f"{SECURITY}/authenticator")).status == 303


async def test_new_recovery_codes_replace_the_old(secured: Secure, told: Told) -> None:
    bob = await secured()
    await shown(bob.browser)
    fresh = codes_of(await bob.browser.post(f"{SECURITY}/recovery"))
    assert len(set(fresh) | set(bob.codes)) == 20
    other = bob.person.elsewhere()
    await bob.password(other)
    assert (await other.post("/sign-in/code", recovery=bob.codes[0])).status == 422
    assert (await other.post("/sign-in/code", recovery=fresh[0])).status == 303
    assert [letter.get("factor") for letter in await told()][:2] == ["authenticator", "recovery"]


async def test_few_codes_left_are_marked(secured: Secure, db: Database, clock: Clock) -> None:
    bob = await secured()

    async def use(count: int) -> str:
        async with db.writing() as session:
            ids = (await session.scalars(select(RecoveryCode.id).limit(count))).all()
            await session.execute(update(RecoveryCode).where(RecoveryCode.id.in_(ids)).values(used_at=clock()))
        return await shown(bob.browser)

    assert "Few left" not in await use(7)
    assert "Few left" in await use(8)


async def test_places_tell_browser_and_system_and_are_signed_out(registered: Register) -> None:
    person = await registered()
    other, third = person.elsewhere(), person.elsewhere()
    await with_firefox(other)
    await with_firefox(third)
    page = await shown(person.browser)
    assert page.count("<b>Firefox on Linux</b>") == 2
    assert page.index("This device") < page.index("Firefox on Linux")
    [first, second] = re.findall(f"{SECURITY}/sessions/([0-9a-f]+)/end", page)
    assert (await person.browser.post(f"{SECURITY}/sessions/{first}/end")).to == f"{SECURITY}?done=signed-out"
    page = await shown(person.browser)
    assert page.count("Firefox on Linux</b>") == 2  # one signed in, one known
    assert "Browsers we know" in page
    assert (await person.browser.post(f"{SECURITY}/sessions/{first}/end")).status == 404
    await shown(person.browser)
    assert (await person.browser.post(f"{SECURITY}/sessions/end")).to == f"{SECURITY}?done=all-signed-out"
    assert [(await one.get("/inbox")).status for one in (person.browser, other, third)] == [200, 303, 303]
    assert second != first


async def test_forgotten_browser_is_a_stranger_again(registered: Register, db: Database, told: Told) -> None:
    person = await registered()
    other = person.elsewhere()
    await with_firefox(other)
    await other.get("/inbox")
    await other.post("/sign-out")
    page = await shown(person.browser)
    [device_id] = re.findall(f"{SECURITY}/browsers/([0-9a-f]+)/forget", page)
    assert (await person.browser.post(f"{SECURITY}/browsers/{device_id}/forget")).to == f"{SECURITY}?done=forgotten"
    assert "Browsers we know" not in await shown(person.browser)
    await with_firefox(other)
    assert [letter["kind"] for letter in await told()] == ["new_device", "new_device"]
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Device)) == 2


async def test_what_belongs_to_somebody_else_is_not_there(registered: Register, db: Database) -> None:
    bob, carol = await registered(), await registered(CAROL)
    async with db.reading() as session:
        bobs = (
            (
                await session.execute(
                    select(Session).join(Account, Account.id == Session.account_id).order_by(Session.created_at)
                )
            )
            .scalars()
            .all()
        )
        devices = (await session.scalars(select(Device))).all()
    before = len(bobs), len(devices)
    statuses = []
    for path in [f"sessions/{row.id.hex}/end" for row in bobs] + [f"browsers/{row.id.hex}/forget" for row in devices]:
        await shown(carol.browser)
        statuses.append((path, (await carol.browser.post(f"{SECURITY}/{path}")).status))
    carols = [path for path, status in statuses if status == 303]
    assert len(carols) == 1  # her own browser; her own session is ended by signing out, not here
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == before[0]
        assert await session.scalar(select(func.count()).select_from(Device)) == before[1] - 1
    assert (await bob.browser.get("/inbox")).status == 200


CHANGES = [
    "passkeys", "passkeys/add", "authenticator/start", "authenticator", "authenticator/off", "recovery", "sessions/end",
    f"passkeys/{'0' * 32}/remove", f"sessions/{'0' * 32}/end",
    f"browsers/{'0' * 32}/forget",
]  # fmt: skip


async def test_every_change_asks_who_one_is_after_five_minutes(registered: Register, clock: Clock) -> None:
    browser = (await registered()).browser
    clock.advance(FRESH)
    for path in CHANGES:
        await shown(browser)
        page = await browser.post(f"{SECURITY}/{path}", name="Blue phone")
        assert page.status == 200, path
        assert ASKS in page.text, path
        assert f'action="{SECURITY}/{path}"' in page.text
        assert hidden(page)["name"] == "Blue phone"


async def test_no_change_without_the_forms_proof_or_a_session(registered: Register, clock: Clock) -> None:
    person = await registered()
    nobody = person.elsewhere()
    clock.advance(FRESH)
    for path in CHANGES:
        await shown(person.browser)
        forged = await person.browser.post(f"{SECURITY}/{path}", csrf="forged", proof_password=PASSWORD)
        assert forged.status == 400, path
        await nobody.get("/sign-in")
        assert (await nobody.post(f"{SECURITY}/{path}")).to == "/sign-in", path


@pytest.mark.parametrize(("after", "asks"), [(FRESH - SECOND, False), (FRESH, True)])
async def test_proof_lasts_five_minutes(registered: Register, clock: Clock, after: timedelta, asks: bool) -> None:
    browser = (await registered()).browser
    await shown(browser)
    clock.advance(after)
    answer = await browser.post(f"{SECURITY}/authenticator/start")
    assert (ASKS in answer.text) is asks
    assert (answer.status == 303) is not asks


async def test_right_password_goes_on_with_what_was_asked(registered: Register, clock: Clock, db: Database) -> None:
    person = await registered()
    await sign_in(person.elsewhere(), BOB, PASSWORD)
    await shown(person.browser)
    clock.advance(FRESH)
    await person.browser.post(f"{SECURITY}/sessions/end")
    wrong = await person.browser.post(f"{SECURITY}/sessions/end", proof_password=WRONG)
    assert wrong.status == 422
    assert "That is not your password." in wrong.text
    answer = await person.browser.post(f"{SECURITY}/sessions/end", proof_password=PASSWORD)
    assert answer.to == f"{SECURITY}?done=all-signed-out"
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 1
        assert (await session.scalars(select(Device.failures).order_by(Device.failures.desc()))).first() == 1
    await shown(person.browser)
    assert (await person.browser.post(f"{SECURITY}/authenticator/start")).status == 303


async def test_passkey_proves_too_but_only_ones_own(registered: Register, clock: Clock, device: Phone) -> None:
    bob, carol = await registered(), await registered(CAROL)
    await add(bob.browser, device)
    carols = Phone(device.host, device.origin)
    await add(carol.browser, carols)
    clock.advance(FRESH)

    async def prove(phone: Phone) -> Seen:
        await shown(bob.browser)
        page = await bob.browser.post(f"{SECURITY}/authenticator/start")
        assert "Use a passkey" in page.text
        proof = bob.browser.csrf
        options = await bob.browser.post(f"{SECURITY}/proof", csrf=proof)
        answer = phone.get(options.text)
        return await bob.browser.post(f"{SECURITY}/authenticator/start", csrf=proof, proof_passkey=answer)

    foreign = await prove(carols)
    assert foreign.status == 422
    assert "That passkey is not one of yours." in foreign.text
    assert (await prove(device)).to == f"{SECURITY}/authenticator"


async def test_challenge_of_the_sign_in_page_proves_nothing(registered: Register, clock: Clock, device: Phone) -> None:
    browser = (await registered()).browser
    await add(browser, device)
    clock.advance(FRESH)
    await shown(browser)
    proof = browser.csrf
    options = await browser.post("/sign-in/passkey/options", csrf=proof)
    answer = device.get(options.text)
    assert (await browser.post(f"{SECURITY}/recovery", csrf=proof, proof_passkey=answer)).status == 422


async def test_tenth_wrong_password_makes_the_browser_a_stranger_and_signs_it_out(
    registered: Register, clock: Clock, db: Database
) -> None:
    browser = (await registered()).browser
    await shown(browser)
    clock.advance(FRESH)
    for _ in range(9):
        assert (await browser.post(f"{SECURITY}/recovery", proof_password=WRONG)).status == 422
    assert (await browser.get("/inbox")).status == 200
    await shown(browser)
    assert (await browser.post(f"{SECURITY}/recovery", proof_password=WRONG)).to == "/sign-in?out=code"
    assert (await browser.get("/inbox")).status == 303
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Device)) == 0
        assert (await session.scalars(select(Account.state))).one() is AccountState.ACTIVE


async def test_page_to_add_a_passkey_needs_a_fresh_proof(registered: Register, clock: Clock, db: Database) -> None:
    browser = (await registered()).browser
    await shown(browser)
    clock.advance(FRESH)
    assert (await browser.get(f"{SECURITY}/passkeys/add")).to == SECURITY
    await shown(browser)
    assert (await browser.post(f"{SECURITY}/passkeys/options")).status == 403
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Passkey)) == 0
    await shown(browser)
    answer = await browser.post(f"{SECURITY}/passkeys", proof_password=PASSWORD)
    assert answer.to == f"{SECURITY}/passkeys/add"
    assert (await browser.get(answer.to)).status == 200


async def test_looking_changes_nothing(secured: Secure, db: Database) -> None:
    bob = await secured()

    async def rows() -> list[int]:
        async with db.reading() as session:
            tables = (Challenge, RecoveryCode, Session, Device, Passkey)
            return [int(await session.scalar(select(func.count()).select_from(table)) or 0) for table in tables]

    before = await rows()
    for path in ("", "/authenticator", "/passkeys/add"):
        await bob.browser.get(SECURITY + path)
    assert await rows() == before


async def test_password_line_tells_its_days(registered: Register, clock: Clock) -> None:
    browser = (await registered()).browser
    assert "Good for 60 more days" in await shown(browser)
    clock.advance(timedelta(days=59))
    await sign_in(browser, BOB, PASSWORD)
    assert "Good for 1 more day<" in await shown(browser)


async def test_what_is_no_id_is_not_there(registered: Register) -> None:
    browser = (await registered()).browser
    for name in ("x", "0" * 31, "0" * 33, "G" * 32, "%2e%2e"):
        for path in (f"passkeys/{name}/remove", f"sessions/{name}/end", f"browsers/{name}/forget"):
            await shown(browser)
            assert (await browser.post(f"{SECURITY}/{path}")).status == 404, path
