"""A forgotten password in the running whole: asked for on the portal, mailed through Graph, read outside, used once."""

import re
from dataclasses import replace

import pytest

from emulator.loop.reader import Page
from emulator.stack import Stack
from tests.whole.people import ALICE, Person, a_mail

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("whole-password")]
DORA = "dora@example.com"
HINT = "what hangs over the kitchen table"
NEW = "green paper boats 17 kites"


async def ask(dora: Person, what: str) -> Page:
    form = (await dora.browser.open(f"{dora.browser.portal}/sign-in")).form("/sign-in")
    asked = replace(form, action=f"{dora.browser.portal}/forgot/{what}")
    page = await dora.browser.press(asked, {"email": DORA})
    assert "a mail is on its way" in page.text
    return page


async def test_hint_and_link_reach_the_mailbox_outside_and_the_link_leads_in(stack: Stack):
    dora = Person(stack, DORA, first="Dora", last="Field", hint=HINT)
    await stack.tenant.exchange.submit(ALICE, a_mail("[secure] For Dora", to=DORA), [DORA])
    await dora.register(await dora.next_mail())
    await dora.browser.close()
    dora = Person(stack, DORA, seen=dora.seen)
    await ask(dora, "hint")
    assert f'Your password hint is: "{HINT}"' in " ".join((await dora.next_mail()).split())
    await ask(dora, "reset")
    found = re.search(rf"{re.escape(stack.portal_url)}/reset/[\w-]+", await dora.next_mail())
    assert found is not None
    page = await dora.browser.open(found[0])
    assert page.url.endswith("/reset")
    page = await dora.browser.press(page.form("/reset"), {"password": NEW, "confirm": NEW})
    assert page.url.endswith("/inbox")
    assert "YOUR PASSWORD WAS CHANGED" in await dora.next_mail()
    assert "This link was used already" in (await dora.browser.open(found[0])).text
    await dora.browser.close()
