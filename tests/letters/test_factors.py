"""Letters of passkeys, codes and new browsers say what, when and from where."""

import pytest

from service.core.states import AccountLetter
from tests.letters.builders import Post
from tests.letters.test_account import a_letter, an_account
from tests.letters.test_compose import Golden

ADDED, REMOVED = AccountLetter.FACTOR_ADDED, AccountLetter.FACTOR_REMOVED


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    ("kind", "factor"), [(ADDED, "authenticator"), (ADDED, "recovery"), (REMOVED, "authenticator")]
)
async def test_each_factor_has_its_own_words(
    post: Post, golden: Golden, kind: AccountLetter, factor: str, language: str
) -> None:
    mail = await a_letter(post, kind, await an_account(post, language), factor=factor)
    golden(f"account_{kind}_{factor}_{language}", mail)


@pytest.mark.parametrize("kind", [ADDED, REMOVED, AccountLetter.NEW_DEVICE, AccountLetter.RECOVERY_CODE_USED])
@pytest.mark.parametrize(("language", "words"), [("en", "from Chrome on Windows"), ("es", "desde Chrome en Windows")])
async def test_letter_says_from_where_and_when(post: Post, kind: AccountLetter, language: str, words: str) -> None:
    mail = await a_letter(post, kind, await an_account(post, language), factor="passkey")
    assert words in " ".join(mail.text.split())
    assert words in mail.html
    nowhere = await a_letter(post, kind, await an_account(post, language, to="r2@example.com"), browser="", system="")
    assert words not in " ".join(nowhere.text.split())


async def test_unknown_factor_is_not_printed(post: Post) -> None:
    mail = await a_letter(post, ADDED, await an_account(post), factor="<b>evil</b>")
    assert "evil" not in mail.text + mail.html
    assert "A way to sign in was added" in mail.text
