"""The whole loop without a pointer: only Tab, arrows, Space, Enter, Escape and letters."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import FileChooser, FilePayload, TimeoutError, expect  # noqa: A004 - its own name
from pyotp import TOTP
from sqlalchemy import select

from emulator.cast import JAMES, MARIA
from service.accounts.bound import bind_row
from service.core.limits import PROOF_LIFE
from service.db.engine import Database
from service.db.tables import Session
from service.vault.ring import KeyRing
from tests.journey.keys import Keys
from tests.journey.person import CODE_LETTER, PASSWORD, Outsider, Visit
from tests.journey.running import Running
from tests.journey.test_walk import STUB, TEXT, staff

pytestmark = pytest.mark.xdist_group("journey")

VERA = ("Vera Lund", "vera@example.com")
PICTURE: FilePayload = {"name": "Plan.png", "mimeType": "image/png", "buffer": STUB["buffer"]}


async def test_everything_can_be_done_with_the_keyboard_alone(visit: Visit) -> None:
    maria, james = await staff(visit, MARIA), await staff(visit, JAMES)
    await maria.secure_mail(f"{VERA[0]} <{VERA[1]}>", "Your heating grant", TEXT, [PICTURE, STUB])
    await james.secure_mail(f"{VERA[0]} <{VERA[1]}>", "Your lease", TEXT)
    vera = Outsider(visit, await visit.open(), VERA[1])
    page = await vera.context.new_page()
    keys = Keys(page)
    await creates_an_account(vera, keys)
    await reads(keys)
    await answers(keys)
    await searches_and_files(keys)
    await changes_a_preference(keys)
    secret = await turns_codes_on(visit.running, keys)
    await asks_for_help(keys)
    await out_and_in_with_a_code(keys, secret)
    assert keys.faults == []
    assert keys.stops > 200


async def creates_an_account(vera: Outsider, keys: Keys) -> None:
    page = keys.page
    notice = await vera.receives("Secure message from Maria Delgado")
    link = re.search(rf"{re.escape(vera.portal)}/d/\S+", notice["text"])
    assert link
    await page.goto(link[0])
    await keys.follow("form[action='/register/start'] button")
    letter = await vera.receives(CODE_LETTER)
    code = re.search(r"\b(\d{6})\b", letter["text"])
    assert code
    await keys.skip()
    await keys.fill("#code", code[1])
    await keys.lead_on()
    await keys.skip()
    await keys.fill("#first", "Vera")
    await keys.fill("#password", PASSWORD)
    await keys.fill("#confirm", PASSWORD)
    await keys.lead_on()
    await keys.stands_at("[role=alert]", "There is 1 thing to fix")
    await keys.tab_to("[role=alert] a")
    await keys.press("Enter")
    await keys.stands_at("#last")
    await keys.type("Lund")
    await keys.fill("#password", PASSWORD)
    await keys.press("Escape")
    await expect(page.locator(".sm-rules")).to_be_hidden()
    await keys.fill("#confirm", PASSWORD)
    await keys.follow("form[action='/register'] button[type=submit]", "Save", key="Space")
    await keys.heading("Your heating grant")


async def reads(keys: Keys) -> None:
    page = keys.page
    await keys.skip()
    await keys.tab_to(".sm-acts--top .sm-pop > summary", "More")
    await keys.press("Enter")
    await keys.tab_to(".sm-pop__menu a", "Download message")
    await keys.press("Escape")
    await keys.stands_at(".sm-acts--top .sm-pop > summary", "More")
    await keys.tab_to("#details > summary")
    await keys.press("Space")
    await expect(page.locator("#details dl")).to_contain_text(MARIA[1])
    await keys.tab_to("a.sm-file", PICTURE["name"])
    async with page.expect_download() as started:
        await keys.press("Enter")
    assert (await (await started.value).path()).read_bytes() == PICTURE["buffer"]
    await keys.follow("a.sm-see", PICTURE["name"])
    await keys.heading(PICTURE["name"])
    await keys.skip()
    await keys.follow(".sm-crumb a")
    await keys.skip()
    await keys.tab_to("iframe.sm-body")
    await keys.tab_to(".sm-acts--end a", "Reply")
    await keys.lead_on()
    await keys.heading(f"Reply to {MARIA[0]}")


async def presses_for_chooser(keys: Keys) -> FileChooser:
    """Press Space on the file field. The page must take each press; a browser under load may show nothing for it."""
    await keys.page.evaluate("() => { window.presses = 0; choose.addEventListener('click', () => window.presses++); }")
    for press, patience in enumerate((5_000, 10_000, 30_000), start=1):
        with suppress(TimeoutError):
            async with keys.page.expect_file_chooser(timeout=patience) as opened:
                await keys.press("Space")
                assert await keys.page.evaluate("() => window.presses") == press
            return await opened.value
    raise AssertionError("no chooser opened")


async def answers(keys: Keys) -> None:
    page = keys.page
    await keys.skip()
    await keys.fill("#to", "pat@gmail.com")
    await keys.press("Enter")
    await expect(page.locator(".sm-why")).to_contain_text("is not a state address")
    await keys.press("Backspace")
    await expect(page.locator(".sm-chip")).to_have_count(1)
    await keys.type("okafor")
    await expect(page.locator("[role=option]")).to_have_count(1)
    await keys.press("ArrowDown", "Enter")
    await expect(page.locator(".sm-chip")).to_have_count(2)
    await keys.tab_to(".sm-chip button", back=True)
    await keys.press("Enter")
    await keys.stands_at("#to")
    await expect(page.locator(".sm-chip")).to_have_count(1)
    await keys.tab_to(".sm-comp__row--cc > summary")
    await writes(keys)
    await keys.tab_to("#choose")
    chooser = await presses_for_chooser(keys)
    await chooser.set_files([STUB])
    await expect(page.locator(".sm-up")).to_contain_text(STUB["name"])
    await keys.tab_to(".sm-sendbar button[value=send]")
    await keys.press("Enter")
    await expect(page.locator("main [role=status]").first).to_contain_text(f"Your reply was sent to {MARIA[0]}.")
    await keys.skip()
    await keys.follow("[role=status] a", "Show sent messages")
    await keys.skip()
    await keys.follow("a.sm-subj")
    await expect(page.locator(".sm-reached")).to_contain_text(MARIA[0])
    await expect(page.frame_locator("iframe.sm-body").locator("b")).to_have_text("Good morning")


async def writes(keys: Keys) -> None:
    """One stop for the tools, arrows between them; a dialog gives the focus back."""
    page = keys.page
    await keys.tab_to("[data-do=bold]")
    await keys.press("ArrowRight", "ArrowLeft", "Enter")
    await expect(page.locator("[data-do=bold]")).to_have_attribute("aria-pressed", "true")
    if not await keys.is_at("#text"):
        await keys.tab_to("#text")
    await keys.type("Good morning")
    await keys.press("Control+b")
    await keys.type(" again")
    await keys.tab_to("[role=toolbar] button", back=True)
    await keys.press("Home", *["ArrowRight"] * 6)
    assert await keys.is_at("[data-do=link]")
    await keys.press("Enter")
    await keys.stands_at("#link-address")
    await keys.press("Escape")
    await keys.stands_at("#text")


async def searches_and_files(keys: Keys) -> None:
    page = keys.page
    await keys.follow(".sm-side a", "Manage folders")
    await keys.skip()
    await keys.fill("#name", "Housing")
    await keys.lead_on()
    await keys.stands_at("[role=status]", "The folder was created.")
    await keys.fill_from_the_top("#find", "lease")
    await keys.lead_on()
    await expect(page.locator("h1 + p")).to_contain_text("result")
    await keys.skip()
    await keys.tab_to("a.sm-subj")
    await page.reload()
    await keys.follow(".sm-side a", "Inbox")
    await keys.skip()
    await keys.tab_to("tbody input[name=m]")
    await keys.press("Space")
    await keys.tab_to("a.sm-subj")
    await keys.tab_to("tbody input[name=m]")
    await keys.press("Space")
    await expect(page.locator(".sm-tray__n")).to_have_text("2 selected")
    await keys.tab_to("#move-rows", back=True)
    await keys.type("Hou")
    await keys.follow("button[value=move]")
    await keys.stands_at("[role=status]", "2 messages moved to “Housing”.")
    await keys.follow("[role=status] button", "Undo")
    await expect(page.locator("a.sm-subj")).to_have_count(2)


async def changes_a_preference(keys: Keys) -> None:
    page = keys.page
    await keys.stands_at("[role=status]")
    await page.reload()
    await keys.tab_to(".sm-account summary")
    await keys.press("Enter")
    await keys.follow(".sm-account__menu a", "Preferences")
    await keys.follow(".sm-side a", "Reading")
    await keys.skip()
    await keys.tab_to("[name=density]")
    await keys.press("ArrowDown")
    await keys.tab_to("[name=shortcuts]")
    await keys.press("Space")
    await keys.follow("button[type=submit]", "Save")
    await keys.stands_at("[role=status]", "Saved.")
    assert await page.is_checked("[name=density][value=compact]")
    await page.goto(page.url.split("/preferences")[0] + "/inbox")
    await keys.skip()
    await keys.tab_to("a.sm-subj")
    await keys.press("?")
    await keys.tab_to("dialog button", "Close")
    await keys.press("Escape")
    await keys.stands_at("a.sm-subj")


async def forget_the_proof(running: Running) -> None:
    """Let it be a while ago that a password was typed."""
    ring, db = KeyRing(running.data / "keys" / "portal"), Database(f"sqlite+aiosqlite:///{running.data}/safemail.db")
    async with db.writing() as session:
        for row in await session.scalars(select(Session).where(Session.proven_at.is_not(None))):
            row.proven_at = datetime.now(UTC) - PROOF_LIFE
            bind_row(ring, row)
    await db.close()


async def turns_codes_on(running: Running, keys: Keys) -> str:
    page = keys.page
    await page.goto(page.url.split("/inbox")[0] + "/preferences/reading")
    await keys.follow(".sm-side a", "Security")
    await forget_the_proof(running)
    await keys.skip()
    await keys.follow("form[action$='/start'] button")
    await keys.heading("Is it you?")
    await keys.skip()
    await keys.fill("#proof_password", PASSWORD)
    await keys.lead_on()
    await keys.heading("Turn on codes")
    secret = (await page.inner_text(".sm-key")).replace(" ", "")
    await keys.skip()
    await keys.fill("#code", TOTP(secret).now())
    await keys.lead_on()
    await keys.stands_at("[role=status]", "Codes are on.")
    await keys.follow("main a", "I have kept them")
    return secret


async def asks_for_help(keys: Keys) -> None:
    await keys.follow(".sm-tools a", "Help")
    await keys.skip()
    await keys.fill("main input[type=search]", "new password")
    await keys.lead_on()
    await expect(keys.page.locator("main [role=status]").first).to_contain_text("answer")
    await keys.skip()
    await keys.follow("main ol a")


async def out_and_in_with_a_code(keys: Keys, secret: str) -> None:
    page = keys.page
    await page.goto(page.url.split("/help")[0] + "/inbox")
    await keys.tab_to(".sm-account summary")
    await keys.press("Enter")
    await keys.follow(".sm-account__menu button", key="Space")
    await expect(page.locator("main [role=status]").first).to_have_text("You are signed out.")
    await keys.skip()
    await keys.fill("#email", VERA[1])
    await keys.fill("#password", PASSWORD)
    await keys.lead_on()
    await keys.heading("Enter the code from your app")
    await keys.skip()
    # a code is taken once: the app's next one, which a clock a little ahead shows already
    await keys.fill("#code", TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30)))
    await keys.lead_on()
    await keys.heading("Inbox")
