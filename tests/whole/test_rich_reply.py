"""A reply with formatting in the running whole: the staff mailbox gets it safe, its plain words beside."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from emulator.stack import Stack
from tests.whole.people import ALICE, Person, Tried, a_mail, inbox, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("whole-rich-reply")]
FINN = "finn@example.com"
WRITTEN = (
    "<div>Dear <b>Alice</b>,</div><ul><li>one</li><li>two</li></ul><script>window.hit=1</script>"
    "<div style='position:fixed' onclick='x()'><a href='javascript:x()'>odd</a> <a href='https://ct.gov/f'>form</a>"
    "<img src='https://x.example/1.png'></div>"
)


async def test_a_rich_reply_arrives_in_the_staff_inbox_safe_and_readable(stack: Stack):
    finn = Person(stack, FINN, first="Finn", last="Reyes")
    await stack.tenant.exchange.submit(ALICE, a_mail("[secure] For Finn", to=FINN, body="Is <this> right?"), [FINN])
    page = await finn.register(await finn.next_mail())
    await finn.answer(page, {"to": ALICE, "html": WRITTEN}, [Tried("form.pdf", b"%PDF" * 99)])
    await finn.browser.close()
    [item] = await until(lambda: [one for one in inbox(stack, ALICE) if b"RE: [secure] For Finn" in one.mime])
    mail = message_from_bytes(item.mime, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    shown, words = html.get_content(), text.get_content().replace("\r\n", "\n")
    assert "<div>Dear <b>Alice</b>,</div><ul><li>one</li><li>two</li></ul>" in shown
    assert "<blockquote>Is &lt;this&gt; right?</blockquote>" in shown
    assert 'href="https://ct.gov/f"' in shown
    for gone in ("script", "onclick", "javascript", "<img", "fixed", "x.example"):
        assert gone not in shown
    assert "Dear Alice,\n\n- one\n- two\n\nodd form <https://ct.gov/f>\n\nOn " in words
    assert "\n> Is <this> right?" in words
    assert [part.get_filename() for part in mail.iter_attachments()] == ["form.pdf"]
