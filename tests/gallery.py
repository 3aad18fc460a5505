"""Every page of the portal in every state that a person can meet, for `python -m tests.screenshots --all FOLDER`.

A portal of its own, with a clock that can be moved, once in each language. What no stretch of the walk showed is named.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from hypercorn.asyncio import serve
from hypercorn.config import Config
from jinja2 import Template
from playwright.async_api import Browser, BrowserContext, Page
from pyotp import TOTP
from quart import Quart, template_rendered
from sqlalchemy import delete, select, update
from werkzeug.exceptions import HTTPException

from service.blobs import Blobs
from service.core.states import AccountState, Letter
from service.db.engine import Database
from service.db.tables import Account, Delivery, Outbox, Session
from service.db.upgrade import upgrade
from service.letters.queue import open_payload
from service.portal.app import create_app
from service.portal.help.topics import topics
from service.settings import PortalSettings
from service.vault.ring import ROLES, KeyRing, make_ring
from service.vault.tokens import new_token
from tests.conftest import NOW, Clock
from tests.mailbox.builders import BOB, a_sealed_mail, with_files
from tests.portal.conftest import PASSWORD
from tests.serving import free_port, until_open

LANGUAGES = {"en": "en-US", "es": "es-US"}
NO_PAGES = {
    "doors.home": "leads on",
    "doors.link": "leads on",
    "doors.reset_link": "leads on",
    "doors.asset": "a file",
    "mailbox.body": "the frame of a message, seen in it",
    "mailbox.file": "a file",
    "mailbox.picture": "a picture, seen in its preview",
    "mailbox.all_files": "a file",
    "mailbox.source": "a file",
    "preferences.first": "leads on",
    "preferences.mail_mbox": "a file",
    "preferences.mail_zip": "a file",
    "preferences.record_csv": "a file",
}
GONE = {"not_found", "past_its_date", "reset_used"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a730000000e49444154789c63f8cfc0c0000600"
    "0301010018dd8db00000000049454e44ae426082"
)
PHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
HTML = (
    "<p>Good morning</p><p>Your appointment is on <a href='https://www.ct.gov/dss?office=2'>December 8</a>. "
    "<a href='mailto:alice@ct.gov'>Write to me</a>.</p><img src='https://pictures.example/1.png'>"
)
TEXT = "Good morning. All of it stands on https://www.ct.gov/dss?office=2"
FRAME = re.compile(r'{% extends "([^"]+)" %}')
Shot = Callable[[Page, str], Awaitable[None]]


class NotShown(Exception):
    """Pages of the portal that no picture shows; the message names them."""


async def leads_on(page: Page, selector: str, key: str = "") -> None:
    """Click, or press a key there, and wait for the page that comes."""
    async with page.expect_navigation():
        await (page.press(selector, key) if key else page.click(selector))


@dataclass
class Room:
    """One portal, and one person at it."""

    app: Quart
    url: str
    db: Database
    blobs: Blobs
    rings: dict[str, KeyRing]
    clock: Clock
    language: str
    shoot: Shot
    browser: Browser
    context: BrowserContext
    page: Page
    seen: set[str] = field(default_factory=set)
    templates: set[str] = field(default_factory=set)

    def note(self, _app: Quart, template: Template, **_: object) -> None:
        self.templates.add(str(template.name))

    async def go(self, path: str) -> int:
        answer = await self.page.goto(self.url + path)
        return answer.status if answer is not None else 0

    async def shot(self, name: str) -> None:
        self.seen.add(urlsplit(self.page.url).path)
        await self.shoot(self.page, f"{name}-{self.language}")

    async def take(self, **paths: str) -> None:
        """Take pages that are there for the asking."""
        for name, path in paths.items():
            status = await self.go(path)
            if (status == 404) != (name in GONE):
                raise NotShown(f"{name}: {status}")
            await self.shot(name.replace("_", "-"))

    async def href(self, path: str, selector: str) -> str:
        await self.go(path)
        return str(await self.page.get_attribute(f"{selector} >> nth=0", "href"))

    async def notice(self, life: timedelta = timedelta(days=30), html: str = HTML, whose: str = BOB) -> tuple[str, str]:
        """Let a mail come; return the link to it and the page of it."""
        files = [("Rent statement.pdf", "application/pdf", b"%PDF-1.4\n" * 9000), ("Map.png", "image/png", PNG)]
        eml = with_files(*files, html=html, text=TEXT)
        mail = await a_sealed_mail(self.db, self.rings, self.blobs, eml, to=[whose], now=self.clock.now, life=life)
        token, token_hash = new_token()
        delivery = mail.deliveries[whose]
        async with self.db.writing() as session:
            changed = update(Delivery).where(Delivery.id == delivery).values(token_hash=token_hash)
            await session.execute(changed.values(notified_at=self.clock.now))
        return f"/d/{token}", f"/m/{delivery.hex}"

    async def code(self) -> str:
        async with self.db.reading() as session:
            newest = select(Outbox).where(Outbox.letter == Letter.CODE).order_by(Outbox.created_at.desc())
            row = (await session.scalars(newest)).first()
            assert row is not None
            return str(open_payload(self.rings["sync"], row)["code"])

    async def reset_link(self) -> str:
        async with self.db.reading() as session:
            newest = select(Outbox).where(Outbox.letter == Letter.ACCOUNT).order_by(Outbox.created_at.desc())
            told = [open_payload(self.rings["sync"], row) for row in await session.scalars(newest)]
            return f"/reset/{next(one['token'] for one in told if 'token' in one)}"

    async def account(self, **values: object) -> None:
        async with self.db.writing() as session:
            await session.execute(update(Account).values(**values))

    async def sign_in(self, password: str = PASSWORD) -> None:
        """Come in anew, as from a browser that nobody knows."""
        await self.sign_out()
        await self.go("/sign-in")
        await self.page.fill("#email", BOB)
        await self.page.fill("#password", password)
        await leads_on(self.page, "form[action='/sign-in'] button[type=submit] >> nth=0")

    async def sign_out(self) -> None:
        await self.context.clear_cookies()
        await self.context.add_cookies([{"name": "lang", "value": self.language, "url": self.url}])

    def not_seen(self) -> list[str]:
        """Name the routes and the templates of pages that no picture shows."""
        adapter = self.app.url_map.bind(urlsplit(self.url).netloc)
        shown = set()
        for path in self.seen:
            try:
                shown.add(adapter.match(path, method="GET")[0])
            except HTTPException:
                continue
        rules = [rule for rule in self.app.url_map.iter_rules() if "GET" in (rule.methods or set())]
        folder = Path(str(self.app.root_path)) / str(self.app.template_folder)
        frames = {str(path.relative_to(folder)): FRAME.findall(path.read_text()) for path in folder.rglob("*.html")}
        pages = {name for name, frame in frames.items() if frame} - {
            frame for named in frames.values() for frame in named
        }
        return sorted({rule.endpoint for rule in rules} - shown - NO_PAGES.keys()) + sorted(pages - self.templates)


async def doors(room: Room) -> str:
    """From a notice to an account; return the page of the message."""
    page = room.page
    link, message = await room.notice()
    await room.take(sign_in="/sign-in", signed_out_by_time="/sign-in?out=time", signed_out="/sign-in?out=self")
    await page.click(".sm-forgot summary")
    await room.shot("forgot")
    await page.fill("#email", BOB)
    await leads_on(page, "[formaction='/forgot/reset']")
    await room.shot("forgot-asked")
    await room.sign_in("not my password")
    await room.shot("sign-in-wrong")
    await room.go(link)
    await room.shot("waiting")
    await leads_on(page, "form[action='/register/start'] button >> nth=0")
    await room.shot("code")
    await page.fill("#code", "000000")
    await leads_on(page, "#code", "Enter")
    await room.shot("code-wrong")
    await page.fill("#code", await room.code())
    await leads_on(page, "#code", "Enter")
    await room.shot("register")
    await page.fill("#password", "riverboat")
    await leads_on(page, "form[action='/register'] button[type=submit]")
    await room.shot("register-errors")
    for name, words in {"first": "Rosa", "last": "Jiménez", "password": PASSWORD, "confirm": PASSWORD}.items():
        await page.fill(f"#{name}", words)
    await leads_on(page, "form[action='/register'] button[type=submit]")
    await page.wait_for_url("**/m/*")
    await room.take(signed_in_already="/sign-in")
    return message


async def lists(room: Room) -> None:
    page = room.page
    for number in range(4):
        room.clock.advance(timedelta(hours=2))
        await room.sign_in()
        await room.notice(timedelta(hours=20) if number == 1 else timedelta(days=2 + number))
    await room.take(inbox="/inbox", inbox_nothing="/inbox?done=nothing")
    await room.go("/inbox")
    await page.check("input[name=m] >> nth=0")
    await room.shot("inbox-selected")
    await leads_on(page, "button[value=delete] >> nth=0")
    await room.shot("inbox-undo")
    await room.take(deleted="/deleted", search="/search?q=appointment", search_nothing="/search?q=zanzibar")
    await room.go("/folders")
    await page.fill("#name", "Housing")
    await leads_on(page, "#name", "Enter")
    await room.shot("folders")
    await page.fill("#name", "housing")
    await leads_on(page, "#name", "Enter")
    await room.shot("folders-error")
    await room.go("/folders")
    own = await page.get_attribute(".sm-own li > a >> nth=0", "href")
    await room.take(folder_empty=str(own), folder_delete=f"{own}/delete")


async def message(room: Room, where: str) -> None:
    page = room.page
    await room.take(sent_empty="/sent", drafts_empty="/drafts", deleted_empty="/deleted", folders_empty="/folders")
    await room.take(message=where, message_pictures=f"{where}?images=1", message_details=f"{where}/details")
    await room.take(message_print=f"{where}/print", message_text=f"{where}/text", leaving=f"{where}/link/1")
    _link, plain = await room.notice(html="")
    await room.take(leaving_text=await room.href(f"{plain}/text", "a[href*='/text/link/']"))
    await room.take(preview=await room.href(where, "a[href$='/preview']"))
    await room.go(where)
    for menu in await page.locator(".sm-acts--top details > summary").all():
        if await menu.is_visible():
            await menu.click()
    await room.shot("message-menus")
    await room.take(reply=f"{where}/reply", reply_all=f"{where}/reply-all", forward=f"{where}/forward")
    await room.take(new_message="/compose")
    link, _message = await room.notice(whose="liam@example.org")
    await room.take(link_of_another=link)


async def writing(room: Room, where: str) -> None:
    page = room.page
    kept = await room.context.storage_state()
    context = await room.browser.new_context(
        java_script_enabled=False, locale=LANGUAGES[room.language], storage_state=kept
    )
    plain = await context.new_page()
    await plain.goto(f"{room.url}{where}/reply-all")
    await room.shoot(plain, f"reply-without-script-{room.language}")
    await plain.fill("#to", "pat@gmail.example, bob")
    await plain.fill("#text", "Thank you.")
    await leads_on(plain, ".sm-sendbar button[value=send]")
    await room.shoot(plain, f"reply-refused-{room.language}")
    await plain.fill("#to", "alice@ct.gov")
    await leads_on(plain, ".sm-sendbar button[value=save]")
    room.seen.add(urlsplit(plain.url).path)
    await room.shoot(plain, f"draft-saved-{room.language}")
    await room.take(drafts="/drafts")
    await leads_on(plain, ".sm-sendbar button[value=send]")
    await room.shoot(plain, f"reply-sent-{room.language}")
    await plain.goto(f"{room.url}{where}/reply")
    await plain.fill("#text", "Thank you.")
    await context.clear_cookies(name="safemail")
    await leads_on(plain, ".sm-sendbar button[value=send]")
    await room.shoot(plain, f"reply-kept-{room.language}")
    await context.close()
    await room.take(filter_empty="/sent?show=files", sent="/sent")
    await leads_on(page, "a.sm-subj >> nth=0")
    await room.shot("sent-message")


async def preferences(room: Room) -> None:
    page = room.page
    await room.sign_in()
    for section in ("profile", "password", "security", "reading", "notices", "language", "signature", "data"):
        await room.take(**{f"preferences_{section}": f"/preferences/{section}"})
    await room.go("/preferences/profile")
    await page.fill("main input[name=first]", "")
    await leads_on(page, ".sm-pref form button[type=submit]")
    await room.shot("preferences-error")
    await room.take(account_end="/preferences/data/close")
    await passkeys(room)
    await room.go("/preferences/security")
    await leads_on(page, "form[action$=start] button")
    await room.shot("codes")
    totp = TOTP((await page.inner_text(".sm-key")).replace(" ", ""))
    await page.fill("#code", totp.at(room.clock()))
    await leads_on(page, "#code", "Enter")
    await room.shot("recovery-codes")
    room.clock.advance(timedelta(minutes=6))
    await room.go("/preferences/security")
    await leads_on(page, "form[action$=recovery] button")
    await room.shot("proof")
    await room.sign_in()
    await room.shot("second-step")
    await page.fill("#code", "000000")
    await leads_on(page, "#code", "Enter")
    await room.shot("second-step-wrong")
    await room.account(authenticator=None)


async def passkeys(room: Room) -> None:
    page = room.page
    await room.take(passkey="/preferences/security/passkeys/add")
    devtools = await room.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE})
    await leads_on(page, "[data-passkey=create]")
    await room.shot("passkey-added")
    await leads_on(page, "form[action$='/remove'] button")
    await room.shot("passkey-last")
    await leads_on(page, "form[action$='/remove'] button")
    await room.shot("passkey-removed")
    await devtools.send("WebAuthn.disable")
    await devtools.detach()


async def help_centre(room: Room) -> None:
    page = room.page
    await room.take(help="/help", help_found="/help/search?q=password", help_nothing="/help/search?q=zanzibar")
    for topic in topics():
        await room.take(**{f"help_{topic.name}": topic.place})
    for name, reference in (("unknown", "0000-0000"), ("empty", "")):
        await room.go("/help/real")
        await page.fill("#reference", reference)
        await leads_on(page, "#reference", "Enter")
        await room.shot(f"real-{name}")
    await room.take(not_found="/nothing")


async def ends(room: Room, where: str) -> None:
    """What comes with time: a password too old, an account switched off, a message past its date, an account ended."""
    page = room.page
    await room.sign_out()
    await room.account(password_at=NOW - timedelta(days=61))
    await room.sign_in()
    await room.shot("password-too-old")
    await room.account(password_at=room.clock.now)
    await room.sign_out()
    await room.go("/sign-in")
    await page.click(".sm-forgot summary")
    await page.fill("#email", BOB)
    await leads_on(page, "[formaction='/forgot/reset']")
    link = await room.reset_link()
    await room.account(state=AccountState.LOCKED)
    await room.take(locked=link)
    await room.account(state=AccountState.ACTIVE)
    await room.take(reset=link)
    await page.fill("#password", "riverboat")
    await leads_on(page, "form[action='/reset'] button[type=submit]")
    await room.shot("reset-errors")
    await room.sign_out()
    await room.take(reset_used="/reset/never-was")
    async with room.db.writing() as session:
        await session.execute(delete(Session))
    await room.account(state=AccountState.DISABLED, disabled_at=room.clock.now)
    await room.sign_in()
    await room.shot("switched-off")
    link, _message = await room.notice()
    await room.sign_out()
    await room.go(link)
    await room.shot("waiting-switched-off")
    await leads_on(page, "form[action='/register/start'] button >> nth=0")
    await page.fill("#code", await room.code())
    await leads_on(page, "#code", "Enter")
    await room.shot("switched-on-again")
    await room.account(state=AccountState.ACTIVE, disabled_at=None)
    await room.sign_out()
    room.clock.advance(timedelta(days=31))
    await room.account(password_at=room.clock.now)
    await room.sign_in()
    await room.take(past_its_date=where, inbox_empty="/inbox")
    await room.sign_out()
    await room.take(account_ended="/preferences/closed")


@asynccontextmanager
async def a_room(browser: Browser, folder: Path, language: str, shoot: Shot) -> AsyncIterator[Room]:
    """Open a portal with nothing in it, and a browser of that language."""
    database, ring, port, clock = f"sqlite+aiosqlite:///{folder}/database", folder / "ring", free_port(), Clock()
    await asyncio.to_thread(make_ring, ring, NOW)
    await upgrade(database)
    rings = {role: KeyRing(ring / role) for role in ROLES}
    settings = PortalSettings(
        database=database,
        public_url=f"http://localhost:{port}",
        blobs="memory:",
        keys=ring / "portal",
        password_memory_kib=8,
        password_time=1,
        new_messages=True,
        read_with_code=True,
        reset_unlocks=False,
    )
    db, blobs = Database(database), Blobs("memory:")
    app = create_app(settings, db, blobs, rings["portal"], clock)
    config, stop = Config(), asyncio.Event()
    config.bind, config.errorlog, config.graceful_timeout = [f"127.0.0.1:{port}"], None, 1
    task = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    await until_open(port, task)
    context = await browser.new_context(locale=LANGUAGES[language])
    page = await context.new_page()
    room = Room(app, settings.public_url, db, blobs, rings, clock, language, shoot, browser, context, page)
    template_rendered.connect(room.note, app)
    await room.sign_out()
    try:
        yield room
    finally:
        await context.close()
        stop.set()
        await task
        await db.close()


async def walk(browser: Browser, data: Path, shoot: Shot, languages: Iterable[str] = LANGUAGES) -> list[str]:
    """Take every page in each language; return the routes of pages that were not shown."""
    missing: set[str] = set()
    for language in languages:
        folder = data / language
        folder.mkdir()
        async with a_room(browser, folder, language, shoot) as room:
            where = await doors(room)
            await help_centre(room)
            await message(room, where)
            await writing(room, where)
            await lists(room)
            await preferences(room)
            await ends(room, where)
            missing |= set(room.not_seen())
    return sorted(missing)
