"""One walk over the whole route table: what no page may do, whoever adds it. A route with an object of a kind that is
not known here fails by name: say in `Objects` what it is."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from quart import Quart
from quart.testing.utils import sentinel as no_json
from sqlalchemy import select
from werkzeug.routing import Rule, UUIDConverter

from service.db.engine import Database
from service.db.tables import Delivery, Device, OwnFolder, Passkey, Recipient, Session
from service.db.tables.columns import Model
from service.portal.headers import ALWAYS, OWN_PAGES
from service.portal.uploads import UPLOAD_PATH
from service.settings import PortalSettings
from service.vault.people import seal_to_recipient
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL
from tests.portal.conftest import HOST, Browser, Person, Register, Seen
from tests.portal_mailbox.conftest import multipart

SAFE = {"GET", "HEAD", "OPTIONS"}
OURS = {"Sec-Fetch-Site": "same-origin"}
REFUSED = {303, 400, 401, 403, 415}
"""303: to sign-in, or to a page that is there for it."""
NOBODYS = {
    "doors.asset": "one file for everybody, by the hash of its content",
    "help.topic": "one page for everybody",
    "doors.link": "opens by its token, whoever holds it",
    "doors.reset_link": "opens by its token, whoever holds it",
}
"""Routes with an argument that is nobody's object, and why."""
ABSENT = {"doors.reset_post"}
"""Pages that are not there for who has not followed a mailed link: the 404 is refusal enough."""
OWN_POLICY = {
    f"mailbox.{name}" for name in ("body", "text", "file", "all_files", "source", "picture", "preview", "print_page")
} | {f"preferences.{name}" for name in ("mail_zip", "mail_mbox", "record_csv")}
"""Pages and files of a mail: shut off more than our own pages are."""
CACHED = {"doors.asset"}
SIGN_OF_LIFE = {("sessions", "seen_at"), ("devices", "seen_at")}
FIRST_SHOWING = {("deliveries", "read_at"), ("deliveries", "marked_read"), ("outbox", "+")}
MAY_CHANGE = {"mailbox.message": FIRST_SHOWING}
"""What a GET of a page may change beside the sign of life: the read time, and the receipt that tells it."""
Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True)
class Objects:
    """What one reader has, by the names that the routes give to it."""

    delivery: str
    draft: str
    own: str
    device_id: str
    session_id: str
    passkey_id: str
    token: str

    def of(self, rule: Rule, asset: str) -> dict[str, Any]:
        kinds: dict[str, Any] = {
            "delivery": self.draft if rule.rule.startswith("/drafts/") else self.delivery,
            "own": self.own,
            "number": 0,
            "device_id": self.device_id,
            "session_id": self.session_id,
            "passkey_id": self.passkey_id,
            "token": self.token,
            "name": asset if rule.endpoint == "doors.asset" else "read",
        }
        missing = set(rule.arguments) - set(rule.defaults or ()) - kinds.keys()
        assert not missing, f"{rule.rule}: no object of the kind {missing} is known to this test"
        return {name: _spelt(rule, name, kinds[name]) for name in rule.arguments if name in kinds}


def _spelt(rule: Rule, name: str, value: Any) -> Any:
    return uuid.UUID(value) if isinstance(rule._converters[name], UUIDConverter) else value


def nobodys() -> Objects:
    one = uuid.uuid4().hex
    return Objects(one, one, one, one, one, one, "never-was")


@dataclass(frozen=True)
class Walk:
    """The portal with two readers in it, each with one object of every kind."""

    app: Quart
    db: Database
    clock: Clock
    bob: Person
    carol: Person
    bobs: Objects

    def rules(self, *, changing: bool) -> Iterator[tuple[Rule, str]]:
        for rule in sorted(self.app.url_map.iter_rules(), key=lambda rule: rule.rule):
            for method in sorted((rule.methods or set()) - SAFE if changing else {"GET"} & (rule.methods or set())):
                yield rule, method

    def path(self, rule: Rule, objects: Objects) -> str:
        asset = self.app.extensions["safemail.assets"].names["app.css"]
        adapter = self.app.url_map.bind(HOST)
        return str(adapter.build(rule.endpoint, {**(rule.defaults or {}), **objects.of(rule, asset)}))

    async def tables(self) -> Tables:
        found: Tables = {}
        async with self.db.reading() as session:
            for table in Model.metadata.sorted_tables:
                rows = (await session.execute(table.select())).mappings()
                keys = [column.name for column in table.primary_key]
                found[table.name] = {tuple(row[key] for key in keys): dict(row) for row in rows}
        return found


def changes(before: Tables, after: Tables) -> set[tuple[str, str]]:
    """Name what differs: (table, column), or (table, +) and (table, -) for rows."""
    found: set[tuple[str, str]] = set()
    for table, old in before.items():
        new = after[table]
        found |= {(table, "+") for _ in new.keys() - old.keys()} | {(table, "-") for _ in old.keys() - new.keys()}
        for key in old.keys() & new.keys():
            found |= {(table, column) for column, value in old[key].items() if new[key][column] != value}
    return found


async def send(
    browser: Browser, method: str, path: str, headers: dict[str, str], csrf: str | None, *, is_json: bool = False
) -> Seen:
    """Send a form as this browser, keeping no cookie that comes back; with a proof, where one is given."""
    sent = {"Host": HOST, "Cookie": "; ".join(f"{name}={value}" for name, value in browser.jar.items()), **headers}
    if csrf is not None:
        sent["X-CSRF"] = csrf
    kind, body = "application/x-www-form-urlencoded", f"csrf={csrf}".encode() if csrf is not None else b"x=1"
    if UPLOAD_PATH.fullmatch(path):
        kind, body = multipart([("csrf", None, (csrf or "").encode()), ("do", None, b"save")])
    if is_json:
        kind, body = "application/json", b'{"csrf": "%s"}' % (csrf or "").encode()
    client = browser.app.test_client(use_cookies=False)
    data = body if method not in SAFE else None
    if data is not None:
        sent["Content-Type"] = kind
    response = await client.open(path, method=method, headers=sent, data=data, json=no_json)
    return Seen(response.status_code, response.headers, await response.get_data(as_text=False))


@pytest.fixture
def settings(settings: PortalSettings) -> PortalSettings:
    """With every page that a setting adds."""
    return settings.model_copy(update={"new_messages": True, "read_with_code": True})


@pytest.fixture
async def walk(app: Quart, db: Database, clock: Clock, registered: Register) -> Walk:
    bob, carol = await registered(BOB), await registered(CAROL)
    [bobs, _] = [await furnish(db, clock, person) for person in (bob, carol)]
    return Walk(app, db, clock, bob, carol, bobs)


async def furnish(db: Database, clock: Clock, person: Person) -> Objects:
    """Give a reader one object of every kind, by the pages where pages make them."""
    browser, notice = person.browser, person.notice
    await browser.get("/folders")
    await browser.post("/folders", name="Housing")
    await browser.get(f"{notice.message}/reply")
    kind, body = multipart(
        [(name, None, value) for name, value in (("csrf", browser.csrf.encode()), ("text", b"x"), ("do", b"save"))]
    )
    headers = {"Host": HOST, "Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
    answer = await person.app.test_client(use_cookies=False).post(f"{notice.message}/reply", headers=headers, data=body)
    assert answer.status_code < 400
    async with db.writing() as session:
        delivery = await session.get_one(Delivery, notice.delivery_id)
        me = delivery.recipient_id
        recipient = await session.get_one(Recipient, me)
        passkey = Passkey(
            id=(passkey_id := uuid.uuid4()),
            account_id=me,
            credential_id=me.bytes,
            public_key=b"key",
            sign_count=0,
            name=seal_to_recipient(recipient.public_key, f"passkey/{passkey_id.hex}", b"Phone"),
            created_at=clock.now,
            bound=bytes(32),
        )
        device = Device(
            id=uuid.uuid4(), account_id=me, token_hash=me.bytes * 2, created_at=clock.now, seen_at=clock.now
        )
        other = Session(
            id=uuid.uuid4(), account_id=me, token_hash=me.bytes * 2, created_at=clock.now, seen_at=clock.now
        )
        session.add_all((passkey, device, other))
    async with db.reading() as session:
        own = await session.scalar(select(OwnFolder.id).where(OwnFolder.recipient_id == me))
        draft = await session.scalar(
            select(Delivery.id).where(Delivery.recipient_id == me, Delivery.folder == "drafts")
        )
    assert own is not None
    assert draft is not None
    return Objects(
        notice.delivery_id.hex, draft.hex, own.hex, device.id.hex, other.id.hex, passkey.id.hex, notice.token
    )


async def test_every_change_is_refused_without_its_proof_or_from_elsewhere(walk: Walk) -> None:
    """The database stays as it was, whoever asks: the reader's own browser, or one that is not signed in."""
    stranger = walk.bob.elsewhere()
    await stranger.get(walk.bob.notice.link)
    await stranger.get("/sign-in")
    await walk.bob.browser.get("/inbox")
    faults = []
    for rule, method in walk.rules(changing=True):
        path = walk.path(rule, walk.bobs)
        for browser in (walk.bob.browser, stranger):
            proof = browser.csrf
            assert proof
            walk.clock.advance(timedelta(milliseconds=1))
            before = await walk.tables()
            answers: list[tuple[dict[str, str], bool, int, set[int]]] = []
            for headers, csrf, refusals in (
                (OURS, None, REFUSED),
                (OURS, "0" * len(proof), REFUSED),
                ({"Sec-Fetch-Site": "cross-site"}, proof, {403}),
                ({"Sec-Fetch-Site": "same-site"}, proof, {403}),
                ({"Origin": "https://evil.example"}, proof, {403}),
                ({}, proof, {403}),
            ):
                seen = await send(browser, method, path, headers, csrf)
                answers.append((headers, csrf is not None, seen.status, refusals))
            seen = await send(browser, method, path, OURS, None, is_json=True)
            answers.append((OURS, False, seen.status, REFUSED))
            absent = {404} if rule.endpoint in ABSENT else set()
            answers = [answer for answer in answers if answer[2] not in answer[3] | absent]
            changed = changes(before, await walk.tables()) - SIGN_OF_LIFE
            if answers or changed:
                faults.append((method, rule.rule, browser is stranger, answers, changed))
    assert not faults, "\n".join(map(str, faults))


async def test_somebody_elses_object_is_the_404_of_none(walk: Walk) -> None:
    browser = walk.carol.browser
    await browser.get("/inbox")
    faults = []
    for changing in (False, True):
        for rule, method in walk.rules(changing=changing):
            if not rule.arguments or rule.endpoint in NOBODYS:
                continue
            walk.clock.advance(timedelta(milliseconds=1))
            before = await walk.tables()
            theirs, none = [
                await send(browser, method, walk.path(rule, objects), OURS, browser.csrf)
                for objects in (walk.bobs, nobodys())
            ]
            changed = changes(before, await walk.tables()) - SIGN_OF_LIFE
            if theirs.status != 404 or theirs.body != none.body or none.status != 404 or changed:
                faults.append((method, rule.rule, theirs.status, none.status, theirs.body == none.body, changed))
    assert not faults, "\n".join(map(str, faults))


async def test_every_answer_carries_its_headers(walk: Walk) -> None:
    faults = []
    for changing in (False, True):
        for rule, method in walk.rules(changing=changing):
            for browser in (walk.bob.browser, walk.bob.elsewhere()):
                seen = await send(browser, method, walk.path(rule, walk.bobs), OURS, None)
                policy = seen.headers.get("Content-Security-Policy", "")
                is_own_page = policy == OWN_PAGES
                is_shut = rule.endpoint in OWN_POLICY and policy.startswith(("default-src 'none'", "sandbox"))
                has_all = all(seen.headers.get(name) == value for name, value in ALWAYS.items())
                is_kept = "no-store" not in seen.headers.get("Cache-Control", "") and rule.endpoint not in CACHED
                if not (is_own_page or is_shut) or "unsafe-eval" in policy or not has_all or is_kept:
                    faults.append((method, rule.rule, seen.status, policy, seen.headers.get("Cache-Control")))
    assert not faults, "\n".join(map(str, faults))


async def test_looking_changes_nothing(walk: Walk) -> None:
    """Beside the sign of life, and the read time with its receipt."""
    stranger = walk.bob.elsewhere()
    await stranger.get(walk.bob.notice.link)
    assert stranger.jar
    faults = []
    for rule, _method in walk.rules(changing=False):
        for browser in (stranger, walk.bob.browser):
            for objects in (walk.bobs, nobodys()):
                walk.clock.advance(timedelta(seconds=61))  # so that a sign of life would be written
                before = await walk.tables()
                seen = await send(browser, "GET", walk.path(rule, objects), {}, None)
                allowed = SIGN_OF_LIFE if browser is walk.bob.browser else set()
                allowed = allowed | (MAY_CHANGE.get(rule.endpoint, set()) if allowed else set())
                changed = changes(before, await walk.tables()) - allowed
                if changed or seen.status >= 500:
                    faults.append((rule.rule, browser is stranger, seen.status, changed))
    assert not faults, "\n".join(map(str, faults))


async def test_the_walk_sees_what_it_should(walk: Walk) -> None:
    """It would notice a change, and its reader is signed in to the end."""
    before = await walk.tables()
    await walk.bob.browser.get("/folders")
    await walk.bob.browser.post("/folders", name="Court")
    assert ("folders", "+") in changes(before, await walk.tables())
    assert len(list(walk.rules(changing=True))) > 20
    assert (await walk.bob.browser.get(walk.bob.notice.message)).status == 200
