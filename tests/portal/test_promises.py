"""Small promises of docs/promises.md that no other test holds: what stands on pages that people know."""

import re
from typing import Any

from tests.portal.conftest import Browser, GiveNotice, Register


async def test_help_desk_and_help_stand_on_every_page(registered: Register, browser: Browser) -> None:
    person = await registered()
    outside = ("/sign-in", "/help", "/help/real", "/nothing")
    inside = ("/inbox", "/sent", "/drafts", "/deleted", "/folders", "/preferences/profile", person.notice.message)
    for who, paths in ((browser, outside), (person.browser, inside)):
        for path in paths:
            page = await who.get(path)
            foot = page.text.partition("<footer")[2]
            assert "mailto:Best.Helpdesk@ct.gov" in foot, path
            tools = page.text.partition('<nav class="sm-tools"')[2].partition("</nav>")[0]
            assert re.search(r'<a href="/help[^"]*" title="Help"', tools), path
            assert tools.index('title="Help"') < (tools.find("sm-account") if "sm-account" in tools else len(tools))


async def test_help_says_that_old_accounts_are_not_carried_over(browser: Browser) -> None:
    assert "were not carried over" in (await browser.get("/help/sign-in")).text
    assert "no se trasladaron" in (await browser.get("/help/sign-in?lang=es")).text


async def test_the_form_has_the_guides_fields(browser: Browser, a_notice: GiveNotice, letters: Any) -> None:
    await browser.follow(await browser.get((await a_notice()).link))
    await browser.follow(await browser.post("/register/start"))
    [letter] = await letters()
    page = await browser.follow(await browser.post("/register/code", code=letter["code"]))
    for words in ("First name", "Last name", "Email address", "Password", "Confirm password", "Password hint phrase"):
        assert re.search(rf"<label[^>]*>{words}", page.text), words
    assert re.search(r"<button[^>]*>Save</button>", page.text)
    assert "Rules for your password" in page.text


async def test_the_sign_in_page_unfolds_hint_and_reset(browser: Browser) -> None:
    page = await browser.get("/sign-in")
    folded = page.text.partition('<details class="sm-forgot')[2].partition("</details>")[0]
    assert "Forgot your password?" in folded.partition("</summary>")[0]
    assert re.findall(r'formaction="([^"]+)"[^>]*>([^<]+)<', folded) == [
        ("/forgot/hint", "Password Hint"),
        ("/forgot/reset", "Reset Password"),
    ]
