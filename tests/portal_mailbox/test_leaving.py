"""Between a link in a mail and where it leads stands a page of ours; it follows nothing by itself."""

import re

import pytest

from service.blobs import Blobs
from service.db.engine import Database
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, a_sealed_mail, with_files
from tests.portal_mailbox.conftest import Signed

Rings = dict[str, KeyRing]
HTML = (
    "<a href='https://portal.ct.gov/form?a=1&amp;b=%22'>form</a>"
    "<a href='https://ct.gov:pw@xn--pple-43d.com/x'>ct.gov</a>"
    "<a href='http://192.0.2.1/'>number</a><a href='mailto:alice@ct.gov?subject=x'>Alice</a>"
    "<a href='mailto:zoe@ct.gov,eve@x.example'>others</a><a href='tel:+18605550100'>call</a>"
    "<a href='https://ct.gov\u2044x.example/'>odd</a><a href='javascript:window.hit=1'>none</a>"
    "<a href='http://localhost:8400/help'>help</a>"
)


@pytest.fixture
async def mail(db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> str:
    sealed = await a_sealed_mail(db, rings, blobs, with_files(html=HTML), to=(BOB, CAROL), now=clock.now)
    return f"/m/{sealed.deliveries[BOB].hex}"


async def text(reader: Signed, path: str) -> str:
    answer = await reader.get(path)
    assert answer.status_code == 200
    return await answer.get_data(as_text=True)


async def test_links_of_the_text_lead_to_the_page_by_number(bob: Signed, mail: str) -> None:
    for page in ("/body", "/print"):
        found = re.findall(r'href="([^"]*)"', (await text(bob, mail + page)).split("<main", 1)[1])
        assert found == [f"{mail}/link/{number}" for number in range(1, 9)]


async def test_it_shows_the_whole_address_and_one_way_on_and_one_back(bob: Signed, mail: str) -> None:
    answer = await bob.get(f"{mail}/link/1")
    page = await answer.get_data(as_text=True)
    assert "You are leaving Safemail" in page
    assert "https://<b>portal.ct.gov</b>/form?a=1&amp;b=%22" in page
    outside = re.findall(r'<a [^>]*href="(https?://[^"]*)"[^>]*>', page)
    assert outside == ["https://portal.ct.gov/form?a=1&amp;b=%22"]
    assert 'rel="noopener noreferrer nofollow" referrerpolicy="no-referrer"' in page
    assert f'href="{mail}"' in page
    assert "Location" not in answer.headers
    assert "Refresh" not in answer.headers
    refresh = re.findall(r'http-equiv="refresh" content="([^"]*)"', page)
    assert all("portal.ct.gov" not in one for one in refresh)


async def test_a_host_in_letters_is_shown_both_ways_and_a_user_name_called_out(bob: Signed, mail: str) -> None:
    page = await text(bob, f"{mail}/link/2")
    assert 'href="https://xn--pple-43d.com/x"' in page
    assert "\u0430pple.com" in page
    assert "letters that can look like others" in page
    assert "what stands before the @ is not where it goes" in page
    assert "ct.gov:pw@" in page
    assert "letters that can look" not in await text(bob, f"{mail}/link/1")


async def test_a_number_for_a_name_and_an_open_connection_are_said(bob: Signed, mail: str) -> None:
    page = await text(bob, f"{mail}/link/3")
    assert "has a number instead of a name" in page
    assert "is not private" in page
    assert "has a number" not in await text(bob, f"{mail}/link/1")


async def test_an_address_is_answered_from_here_where_that_is_possible(bob: Signed, mail: str) -> None:
    page = await text(bob, f"{mail}/link/4")
    assert "alice@ct.gov" in page
    assert f'href="{mail}/reply"' in page
    page = await text(bob, f"{mail}/link/5")
    assert f'href="{mail}/forward"' in page  # inside, but not of this message
    assert "eve@x.example" in page
    assert "This is not a state address" in page
    assert "mailto:" not in page.split("<main", 1)[1].split("</main>")[0]


async def test_a_number_to_call_and_what_is_odd_are_words_only(bob: Signed, mail: str) -> None:
    page = await text(bob, f"{mail}/link/6")
    assert "+18605550100" in page
    assert "tel:" not in page
    page = await text(bob, f"{mail}/link/7")
    assert "We cannot tell where this link leads" in page
    assert "https://ct.gov\u2044x.example/" in page
    assert 'href="https://ct.gov' not in page


async def test_a_link_to_the_portal_is_known(bob: Signed, mail: str) -> None:
    page = await text(bob, f"{mail}/link/8")
    assert "leads to a page of this service" in page
    assert "Do not type your password" not in page


async def test_links_of_plain_text_leave_by_the_same_page(
    bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock
) -> None:
    eml = with_files(text="See https://portal.ct.gov/a and https://x.example/b, https://portal.ct.gov/a.")
    mail = f"/m/{(await a_sealed_mail(db, rings, blobs, eml, now=clock.now)).deliveries[BOB].hex}"
    for page, path in (("/body", f"{mail}/link/"), ("/text", f"{mail}/text/link/")):
        found = re.findall(r'href="([^"]*)"', (await text(bob, mail + page)).split("<main", 1)[1])
        assert found == [f"{path}1", f"{path}2", f"{path}1"]
        assert "<b>x.example</b>/b" in await text(bob, f"{path}2")


@pytest.mark.parametrize("number", ["0", "9", "9" * 20, "-1", "x", "https://x.example/", "1?to=//x.example"])
async def test_no_address_comes_in_from_outside(bob: Signed, mail: str, number: str) -> None:
    answer = await bob.get(f"{mail}/link/{number}")
    if number.startswith("1?"):
        assert "x.example" not in (await answer.get_data(as_text=True)).split("<main", 1)[1].split("</main>")[0]
    else:
        assert answer.status_code == 404


async def test_it_is_nobody_else_s_and_speaks_spanish(bob: Signed, carol: Signed, mail: str) -> None:
    assert (await carol.get(f"{mail}/link/1")).status_code == 404
    assert "Está saliendo de Safemail" in await text(bob, f"{mail}/link/1?lang=es")
