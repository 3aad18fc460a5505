"""Account letters: hint, way to a new password, warnings; to the account's own address, in its own language."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from service.core.browsers import Browser
from service.core.limits import RESET_LIFE
from service.core.states import AccountLetter, AccountState, Letter
from service.db.tables import Account, Outbox, Recipient, Reset
from service.errors import Broken, Refused, SealBroken
from service.letters.compose import compose
from service.mime.writer import Outgoing, write_mail
from service.vault.box import seal_box
from service.vault.tokens import hash_token
from tests.letters.builders import BRAND, ROSA, SENT, TOKEN, Post
from tests.letters.test_compose import EVIL, Golden

HINT = "the lake where we learned to swim"
LINK = f"https://safemail.ct.gov/reset/{TOKEN}"
CHROME = {"browser": "Chrome", "system": "Windows"}


async def an_account(
    post: Post, language: str = "en", hint: str = HINT, to: str = ROSA.address, **changes: Any
) -> Recipient:
    recipient = await post.a_recipient(to, account=language, **changes)
    if hint:
        sealed = seal_box(post.rings["portal"], "mailer", f"hint/{recipient.id.hex}", hint.encode())
        await post.session.execute(update(Account).where(Account.id == recipient.id).values(hint=sealed))
    return recipient


async def write(post: Post, row: Outbox, after: timedelta = timedelta(minutes=1)) -> Outgoing:
    return (await compose(post.session, post.sync, row, BRAND, SENT + after, blobs=post.blobs)).outgoing


async def a_letter(
    post: Post,
    kind: AccountLetter,
    recipient: Recipient,
    after: timedelta = timedelta(minutes=1),
    life: timedelta = RESET_LIFE,
    **told: Any,
) -> Outgoing:
    payload = {"kind": kind.value, "unlocks": True, **CHROME, **told}
    if kind is AccountLetter.RESET:
        payload["token"] = TOKEN
        await post.session.merge(
            Reset(
                account_id=recipient.id,
                token_hash=hash_token(TOKEN),
                created_at=SENT,
                expires_at=SENT + life,
            )
        )
        await post.session.flush()
    return await write(post, post.a_row(Letter.ACCOUNT, payload, recipient_id=recipient.id), after)


SIGN_IN_LINK = {AccountLetter.ENDING_SOON, AccountLetter.REPLY_RETURNED}
QUESTIONS = {AccountLetter.ENDING_SOON, AccountLetter.DISABLED, AccountLetter.REPLY_RETURNED}
AGE: dict[AccountLetter, dict[str, Any]] = {
    AccountLetter.ENDING_SOON: {"off_at": (SENT + timedelta(days=14)).isoformat()},
    AccountLetter.DISABLED: {"ends_at": (SENT + timedelta(days=30)).isoformat()},
    AccountLetter.REPLY_RETURNED: {"address": "maria.delgado@ct.gov"},
    AccountLetter.CLOSED: {"to": ROSA.address},
    AccountLetter.FACTOR_ADDED: {"factor": "passkey"},
    AccountLetter.FACTOR_REMOVED: {"factor": "passkey"},
}
STATES = {AccountLetter.LOCKED: AccountState.LOCKED, AccountLetter.DISABLED: AccountState.DISABLED}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", AccountLetter)
async def test_each_account_letter_in_both_languages(post: Post, golden: Golden, kind: AccountLetter, language: str):
    recipient = await an_account(
        post, language, state=STATES.get(kind, AccountState.ACTIVE), warned_at=SENT + timedelta(seconds=1)
    )
    mail = await a_letter(post, kind, recipient, language=language, **AGE.get(kind, {}))
    golden(f"account_{kind}_{language}", mail)
    assert [person.address for person in mail.to] == [ROSA.address]
    assert HINT not in mail.subject
    links = 1 if kind in {AccountLetter.RESET, *SIGN_IN_LINK} else 0
    assert mail.html.count("<a ") == mail.html.count("href=") == links
    assert mail.text.count("https://") == links
    ask = ("Questions?", "¿Tiene preguntas?") if kind in QUESTIONS else ("Not you?", "¿No fue usted?")
    assert ask[language == "es"] in mail.text
    assert BRAND.help_desk in mail.text


async def test_link_is_written_out_and_stands_alone(post: Post):
    mail = await a_letter(post, AccountLetter.RESET, await an_account(post))
    assert LINK in mail.text.splitlines()
    assert f'href="{LINK}"' in mail.html


async def test_hint_is_in_the_hint_letter_only(post: Post):
    for number, kind in enumerate(AccountLetter):
        recipient = await an_account(
            post,
            state=STATES.get(kind, AccountState.ACTIVE),
            warned_at=SENT + timedelta(1),
            to=f"r{number}@example.com",
        )
        mail = await a_letter(post, kind, recipient, **AGE.get(kind, {}))
        assert (HINT in mail.text) is (kind is AccountLetter.HINT)
        assert (HINT in mail.html) is (kind is AccountLetter.HINT)


async def test_account_without_a_hint_is_told_what_else_to_do(post: Post):
    mail = await a_letter(post, AccountLetter.HINT, await an_account(post, hint=""))
    assert "You have no password hint." in mail.text
    assert "Reset Password" in mail.text


@pytest.mark.parametrize("kind", [AccountLetter.HINT, AccountLetter.RESET, AccountLetter.LOCKED])
@pytest.mark.parametrize(
    ("language", "unlocks", "words"),
    [
        ("en", True, "Reset your password to unlock it"),
        ("en", False, "Resetting the password does not unlock it."),
        ("es", True, "Restablezca su contraseña para desbloquearla"),
        ("es", False, "Restablecer la contraseña no la desbloquea."),
    ],
)
async def test_locked_account_is_told_and_told_the_way_out(
    post: Post, kind: AccountLetter, language: str, unlocks: bool, words: str
):
    recipient = await an_account(post, language, state=AccountState.LOCKED)
    mail = await a_letter(post, kind, recipient, unlocks=unlocks)
    text = " ".join(mail.text.split())
    assert words in text
    assert words in mail.html
    assert ("10 wrong tries" if language == "en" else "10 intentos incorrectos") in text


@pytest.mark.parametrize(
    ("language", "tries", "words"),
    [("en", 4, "There were 4 wrong tries."), ("es", 25, "Hubo 25 intentos incorrectos.")],
)
async def test_lock_is_told_with_the_tries_that_the_portal_allows(post: Post, language: str, tries: int, words: str):
    recipient = await an_account(post, language, state=AccountState.LOCKED)
    mail = await a_letter(post, AccountLetter.LOCKED, recipient, tries=tries)
    assert words in mail.text
    assert words in mail.html


@pytest.mark.parametrize(
    ("life", "words"), [(timedelta(minutes=5), "5 minutes."), (timedelta(hours=2), "120 minutes.")]
)
async def test_link_is_mailed_with_the_time_that_it_has(post: Post, life: timedelta, words: str):
    recipient = await an_account(post)
    mail = await a_letter(post, AccountLetter.RESET, recipient, life=life)
    assert f"This link works once, for {words}" in " ".join(mail.text.split())
    assert f"for {words}" in mail.html


async def test_account_that_was_unlocked_meanwhile_is_not_told_of_a_way_out(post: Post):
    mail = await a_letter(post, AccountLetter.LOCKED, await an_account(post))
    assert "unlock" not in mail.text


@pytest.mark.parametrize("kind", [AccountLetter.HINT, AccountLetter.RESET])
async def test_account_that_is_switched_off_gets_neither_hint_nor_link(post: Post, kind: AccountLetter):
    mail = await a_letter(post, kind, await an_account(post, state=AccountState.DISABLED))
    assert "Your account is switched off." in mail.text
    assert HINT not in mail.text
    assert "/reset/" not in mail.text + mail.html


@pytest.mark.parametrize(
    ("after", "is_written"),
    [(RESET_LIFE - timedelta(seconds=1), True), (RESET_LIFE, False), (timedelta(days=1), False)],
)
async def test_link_whose_time_is_over_is_not_mailed(post: Post, after: timedelta, is_written: bool):
    recipient = await an_account(post)
    if is_written:
        assert LINK in (await a_letter(post, AccountLetter.RESET, recipient, after)).text
    else:
        with pytest.raises(Refused):
            await a_letter(post, AccountLetter.RESET, recipient, after)


async def test_link_that_a_newer_one_replaced_or_that_was_used_is_not_mailed(post: Post):
    recipient = await an_account(post)
    await a_letter(post, AccountLetter.RESET, recipient)
    row = post.a_row(Letter.ACCOUNT, {"kind": "reset", "token": TOKEN}, recipient_id=recipient.id)
    await post.session.execute(update(Reset).values(token_hash=hash_token("newer")))
    with pytest.raises(Refused):
        await write(post, row)
    await post.session.execute(delete(Reset))
    with pytest.raises(Refused):
        await write(post, row)


async def test_warning_is_mailed_however_late(post: Post):
    mail = await a_letter(post, AccountLetter.PASSWORD_CHANGED, await an_account(post), timedelta(days=2))
    assert "on September 22, 2026, 8:22 AM (Eastern time), from Chrome on Windows." in " ".join(mail.text.split())


async def test_browser_is_named_by_our_own_words_only(post: Post):
    recipient = await an_account(post)
    for name in ("", "Evil\nBcc: x"):
        text = " ".join((await a_letter(post, AccountLetter.PASSWORD_CHANGED, recipient, browser=name)).text.split())
        assert "8:22 AM (Eastern time). All other" in text


async def test_ended_recipient_and_missing_account_get_no_letter(post: Post):
    recipient = await an_account(post)
    with pytest.raises(Broken):
        await write(post, post.a_row(Letter.ACCOUNT, {"kind": "hint"}))
    recipient.ended_at = SENT
    with pytest.raises(Refused):
        await a_letter(post, AccountLetter.HINT, recipient)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (AccountLetter.ENDING_SOON, {"warned_at": SENT, "last_sign_in_at": SENT + timedelta(seconds=1)}),
        (AccountLetter.ENDING_SOON, {"warned_at": None}),
        (AccountLetter.ENDING_SOON, {"warned_at": SENT + timedelta(1), "state": AccountState.DISABLED}),
        (AccountLetter.DISABLED, {"state": AccountState.ACTIVE}),
    ],
)
async def test_who_came_back_meanwhile_is_not_warned(post: Post, kind: AccountLetter, changes: dict[str, Any]):
    with pytest.raises(Refused):
        await a_letter(post, kind, await an_account(post, **changes), **AGE[kind])


async def test_account_that_ended_meanwhile_gets_no_warning(post: Post):
    recipient = await an_account(post)
    await post.session.execute(delete(Account))
    with pytest.raises(Refused):
        await a_letter(post, AccountLetter.LOCKED, recipient)


async def test_closed_account_is_told_at_the_address_it_had(post: Post):
    payload = {"kind": "closed", "to": ROSA.address, "language": "es"}
    mail = await write(post, post.a_row(Letter.ACCOUNT, payload))
    assert mail.subject == "Safemail: Su cuenta fue eliminada"
    assert [person.address for person in mail.to] == [ROSA.address]


@pytest.mark.parametrize(("language", "words"), [("en", "the link in your notice"), ("es", "el enlace de su aviso")])
async def test_guest_whose_reply_came_back_is_led_by_the_notices_link(post: Post, language: str, words: str):
    recipient = await an_account(post, language, state=AccountState.GUEST)
    mail = await a_letter(post, AccountLetter.REPLY_RETURNED, recipient, address="maria.delgado@ct.gov")
    assert words in " ".join(mail.text.split())
    assert "href" not in mail.html


async def test_hint_of_another_account_does_not_open(post: Post):
    recipient = await an_account(post, hint="")
    moved = seal_box(post.rings["portal"], "mailer", f"hint/{'0' * 32}", b"somebody else's")
    await post.session.execute(update(Account).values(hint=moved))
    with pytest.raises(SealBroken):
        await a_letter(post, AccountLetter.HINT, recipient)


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
async def test_foreign_hint_stays_in_its_place(post: Post, evil: str):
    recipient = await an_account(post, hint=evil.encode("utf-8", "replace").decode())
    mail = await a_letter(post, AccountLetter.HINT, recipient)
    head = write_mail(mail).partition(b"\r\n\r\n")[0].decode("ascii")
    assert "everybody" not in head
    assert "<script" not in mail.html
    assert mail.html.count("<a ") == 0
    assert not any(line.startswith(("Bcc:", "first line")) for line in mail.text.splitlines())


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
         Browser("Chrome", "Windows")),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
         Browser("Edge", "Windows")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1",
         Browser("Safari", "iPhone")),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/131.0.0.0 Mobile Safari/537.36", Browser("Chrome", "Android")),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
         Browser("Firefox", "Mac")),
        ("curl/8", Browser()),
        ("", Browser()),
        ("<script>", Browser()),
    ],
)  # fmt: skip
def test_browser_is_told_from_what_it_calls_itself(agent: str, browser: Browser):
    assert Browser.of(agent) == browser
