"""Each section is a page and a form; what was saved is there when one comes again."""

from tests.portal_mailbox.conftest import Signed


async def test_preferences_begin_with_the_name(bob: Signed) -> None:
    answer = await bob.get("/preferences")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/preferences/profile")
    page = await (await bob.get("/preferences/profile")).get_data(as_text=True)
    assert 'value="Bob"' in page
    assert 'value="bob@example.com"' in page
