"""The message page beyond its first look: many people and files, details, the thread, pictures, preferences."""

import re
import zipfile
from datetime import timedelta
from io import BytesIO

import pytest

from service.blobs import Blobs
from service.core.preferences import Preferences, write_preferences
from service.core.sheet import Person
from service.db.engine import Database
from service.db.tables import Account
from service.mailbox.own_folders import FOLDERS_MOST, add_folder
from service.portal.mailbox.messages import FILES_SHOWN, PEOPLE_SHOWN
from service.vault.ring import KeyRing
from tests.conftest import Clock
from tests.mailbox.builders import BOB, CAROL, HELLO, a_sealed_mail, with_files
from tests.mailbox.test_pictures import gif, jpeg, png
from tests.portal_mailbox.conftest import Signed

Rings = dict[str, KeyRing]
REMOTE = "<p>Good morning</p><img src='https://pictures.example/1.png'>"
ADDRESS = re.compile(r"/m/[0-9a-f]{32}")


class Box:
    """Bob's mailbox, to put mail into and to read from."""

    def __init__(self, bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> None:
        self.bob, self.db, self.rings, self.blobs, self.clock = bob, db, rings, blobs, clock

    async def put(self, eml: bytes, **options: object) -> str:
        sealed = await a_sealed_mail(self.db, self.rings, self.blobs, eml, now=self.clock.now, **options)  # type: ignore[arg-type]
        return f"/m/{sealed.deliveries[BOB].hex}"

    async def page(self, path: str) -> str:
        answer = await self.bob.get(path)
        assert answer.status_code == 200
        return await answer.get_data(as_text=True)

    async def prefer(self, preferences: Preferences) -> None:
        async with self.db.writing() as session:
            account = await session.get(Account, self.bob.recipient_id)
            assert account is not None
            account.preferences = write_preferences(preferences)


@pytest.fixture
def box(bob: Signed, db: Database, rings: Rings, blobs: Blobs, clock: Clock) -> Box:
    return Box(bob, db, rings, blobs, clock)


def to(count: int) -> bytes:
    return b"To: " + b",\r\n ".join(b"Person of the long name %d <p%d@gmail.example>" % (n, n) for n in range(count))


async def test_two_thousand_people_and_five_hundred_files_are_one_small_page(box: Box) -> None:
    files = [(f"File {n}.pdf", "application/pdf", b"%d" % n) for n in range(500)]
    mail = await box.put(with_files(*files).replace(b"To: Bob <bob@example.com>, dave@ct.gov", to(2000)))
    page = await box.page(mail)
    assert len(page) < 250_000
    assert page.count("@gmail.example") <= 2 * PEOPLE_SHOWN
    assert "Show all 2000" in page
    assert page.count('class="sm-file"') == FILES_SHOWN
    assert "Show all 500" in page
    assert len(set(re.findall(rf"{mail}/file/\d+(?=\")", page))) == 500
    details = await box.page(f"{mail}/details")
    assert details.count("@gmail.example</bdi></li>") == 2001  # and one in copy
    assert "(2000)" in details
    archive = await (await box.bob.get(f"{mail}/files.zip")).get_data(as_text=False)
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        assert [opened.read(one) for one in opened.infolist()] == [b"%d" % n for n in range(500)]


@pytest.mark.parametrize("count", [PEOPLE_SHOWN, PEOPLE_SHOWN + 1])
async def test_all_people_are_offered_where_some_are_folded(box: Box, count: int) -> None:
    page = await box.page(await box.put(HELLO.replace(b"To: bob@example.com", to(count))))
    assert ("Show all" in page) == (count > PEOPLE_SHOWN)


@pytest.mark.parametrize("count", [FILES_SHOWN, FILES_SHOWN + 1])
async def test_all_files_are_offered_where_some_are_folded(box: Box, count: int) -> None:
    page = await box.page(await box.put(with_files(*((f"{n}.txt", "text/x", b"x") for n in range(count)))))
    assert ("Show all" in page) == (count > FILES_SHOWN)


async def test_a_folded_file_that_came_damaged_is_marked(box: Box) -> None:
    files = [(f"{n:02}.bin", "application/octet-stream", b"abcdefgh" * 9) for n in range(FILES_SHOWN + 1)]
    eml = with_files(*files)
    at = eml.rindex(b"YWJj")
    page = await box.page(await box.put(eml[:at] + b"Y*Jj" + eml[at + 4 :]))
    assert re.search(r"<li data-noted><a [^>]*download><bdi>20\.bin", page)


async def test_details_show_the_kept_top_of_the_mail_and_never_a_blind_copy(box: Box) -> None:
    eml = (
        b"Received: from secret.host\r\nBcc: eve@x.example\r\nX-Secret: yes\r\nReply-To: office@ct.gov\r\n"
        b"Thread-Topic: \xe2\x80\xae<b>x</b>\r\n" + HELLO
    )
    mail = await box.put(eml)
    page = await box.page(f"{mail}/details")
    for words in ("Message-ID: &lt;one@ct.gov&gt;", "Thread-Topic: &lt;b&gt;x&lt;/b&gt;", "office@ct.gov", "Reference"):
        assert words in page
    for secret in ("secret.host", "eve@x.example", "X-Secret", "\u202e", "Please send the form"):
        assert secret not in page
    assert f'href="{mail}/details"' in await box.page(mail)


async def test_the_last_day_is_red_and_offers_the_download(box: Box) -> None:
    for life, kind, has_button in (
        (timedelta(hours=24, minutes=1), "warn", False),
        (timedelta(hours=23, minutes=59), "bad", True),
        (timedelta(days=4), "", False),
    ):
        page = await box.page(await box.put(HELLO, life=life))
        bar = page[page.index('<p class="sm-until') :].partition("</p>")[0]
        assert (f"is-{kind}" in bar) if kind else ("is-" not in bar)
        assert ("message.eml" in bar) == has_button


async def test_the_thread_stands_at_the_foot_newest_first(box: Box) -> None:
    first = await box.put(HELLO)
    box.clock.advance(timedelta(minutes=1))
    await box.bob.post(f"{first}/reply", {"to": "alice@ct.gov", "subject": "[secure] Re", "text": "Here is the form."})
    box.clock.advance(timedelta(minutes=1))
    answer = HELLO.replace(b"<one@ct.gov>", b"<two@ct.gov>\r\nReferences: <one@ct.gov> <x@portal.example>")
    last = await box.put(answer.replace(b"Good morning", b"<b>Thank</b> you"), sender=Person("Zoe", "zoe@ct.gov"))
    await box.put(HELLO.replace(b"<one@ct.gov>", b"<other@ct.gov>"))
    page = await box.page(first)
    foot = page[page.index('<details class="sm-thread') :].partition("</details>")[0]
    assert "2 other messages of this conversation" in foot
    assert re.findall(r"<b><bdi>(.*?)</bdi>", foot) == ["Zoe", "You"]
    assert foot.count("Later") == 2
    assert "&lt;b&gt;Thank&lt;/b&gt; you" in foot
    assert "Here is the form." in foot
    reply = ADDRESS.findall(foot)[1]
    assert ADDRESS.findall(foot)[0] == last
    for member in (last, reply):
        assert "2 other messages" in await box.page(member)


async def test_a_mail_without_an_id_still_knows_its_answers(box: Box) -> None:
    mail = await box.put(HELLO.replace(b"Message-ID: <one@ct.gov>\r\n", b""))
    await box.put(HELLO.replace(b"Message-ID: <one@ct.gov>\r\n", b""))
    assert "sm-thread" not in await box.page(mail)
    await box.bob.post(f"{mail}/reply", {"to": "alice@ct.gov", "subject": "[secure] Re", "text": "Yes."})
    foot = (await box.page(mail)).partition('<details class="sm-thread')[2]
    assert "1 other message of this conversation" in foot
    assert "1 other message" in await box.page(ADDRESS.findall(foot)[0])


async def test_a_thread_is_one_s_own_unexpired_share_and_no_draft(box: Box, carol: Signed) -> None:
    first = await box.put(HELLO)
    answer = HELLO.replace(b"<one@ct.gov>", b"<two@ct.gov>\r\nReferences: <one@ct.gov>")
    await box.put(answer, life=timedelta(minutes=5))
    await a_sealed_mail(box.db, box.rings, box.blobs, answer, to=(CAROL,), now=box.clock.now)
    await box.bob.post(f"{first}/reply", {"to": "alice@ct.gov", "text": "Half", "do": "save"})
    assert "1 other message" in await box.page(first)
    box.clock.advance(timedelta(minutes=5))
    assert "sm-thread" not in await box.page(first)
    assert carol.recipient_id != box.bob.recipient_id


async def test_a_long_thread_shows_its_newest_twenty(box: Box) -> None:
    first = await box.put(HELLO)
    for number in range(21):
        if number == 20:
            assert "older ones too" not in await box.page(first)
        await box.put(HELLO.replace(b"<one@ct.gov>", b"<%d@ct.gov>\r\nReferences: <one@ct.gov>" % number))
    page = await box.page(first)
    assert "20 other messages" in page
    assert "older ones too" in page


async def test_pictures_from_other_sites_come_as_the_reader_prefers_and_as_asked(box: Box) -> None:
    mail = await box.put(with_files(html=REMOTE))
    assert "pictures.example" not in await box.page(f"{mail}/body")
    await box.prefer(Preferences(remote_pictures=True))
    assert "pictures.example" in await box.page(f"{mail}/body")
    assert "pictures.example" in await box.page(f"{mail}/print")
    assert "pictures.example" not in await box.page(f"{mail}/body?images=0")
    page = await box.page(mail)
    assert f'src="{mail}/body"' in page
    assert f'href="{mail}?images=0"' in page
    assert f'src="{mail}/body?images=0"' in await box.page(f"{mail}?images=0")


async def test_plain_text_comes_first_where_the_reader_prefers_it(box: Box) -> None:
    mail, plain = await box.put(with_files(html=REMOTE)), await box.put(HELLO)
    assert f'src="{mail}/text"' in await box.page(f"{mail}?view=plain")
    await box.prefer(Preferences(plain_first=True))
    page = await box.page(mail)
    assert f'src="{mail}/text"' in page
    assert "Show pictures" not in page
    assert f'src="{mail}/body"' in await box.page(f"{mail}?view=html")
    page = await box.page(plain)  # nothing to choose
    assert f'src="{plain}/body"' in page
    assert "Show with its layout" not in page


async def test_a_picture_can_be_looked_at_and_all_else_cannot(box: Box) -> None:
    files = [
        ("a.png", "application/octet-stream", png(9, 7)),
        ("b.jpg", "image/jpeg", jpeg(9, 7)),
        ("c.gif", "image/gif", b"<html><script>window.hit=1</script>"),
        ("d.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.hit=1'/>"),
        ("e.png", "image/png", gif(60_000, 60_000)),
        ("f.html", "text/html", png(9, 7)),
    ]
    mail = await box.put(with_files(*files))
    page = await box.page(mail)
    assert re.findall(r"/file/(\d+)/preview", page) == ["2", "3", "4", "6"]
    for number, type_ in ((2, "image/png"), (3, "image/jpeg"), (7, "image/png")):
        answer = await box.bob.get(f"{mail}/file/{number}/picture")
        assert answer.headers["Content-Type"] == type_
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("inline; filename=")
        assert await answer.get_data(as_text=False) == files[number - 2][2]
    shown = await box.page(f"{mail}/file/2/preview")
    assert f'<img src="{mail}/file/2/picture" width="9" height="7" alt="Picture a.png">' in shown
    assert f'href="{mail}/file/3/preview"' in shown
    for number in (4, 5, 6):
        assert (await box.bob.get(f"{mail}/file/{number}/picture")).status_code == 404
        refused = await box.page(f"{mail}/file/{number}/preview")
        assert "We cannot show this file here" in refused
        assert '<img src="/m' not in refused
        assert f'href="{mail}/file/{number}"' in refused
    for path in ("/file/1/picture", "/file/1/preview", "/file/99/picture", "/file/99/preview"):  # the text; nothing
        assert (await box.bob.get(mail + path)).status_code == 404


async def test_downloads_are_never_inline(box: Box) -> None:
    mail = await box.put(with_files(("a.png", "image/png", png(9, 7))))
    assert (await box.bob.get(f"{mail}/file/2")).headers["Content-Disposition"].startswith("attachment; ")


async def test_a_text_that_cannot_be_shown_is_its_words_and_says_so(box: Box) -> None:
    mail = await box.put(with_files(html="<div>" * 600 + "Deep words"))
    for page in ("/body", "/print"):
        text = await box.page(mail + page)
        assert "These are its words." in text
        assert "Deep words" in text
        assert text.index("These are its words.") < text.index('<main class="sm-mail">')
    assert "These are its words." not in await box.page((await box.put(with_files(html="<p>x"))) + "/body")


async def test_a_text_of_megabytes_of_tags_is_its_first_words_and_a_download(box: Box) -> None:
    mail = await box.put(with_files(html="<b>word</b> " * 400_000))
    page = await box.page(mail)
    assert "Only its beginning is shown" in page
    assert f'href="{mail}/file/1"' in page
    text = await box.page(f"{mail}/body")
    assert "These are its words. The text is very long." in text
    assert len(text) < 1_000_000
    assert "word word" in text


async def test_two_hundred_folders_stay_one_page(box: Box) -> None:
    mail = await box.put(HELLO)
    async with box.db.writing() as session:
        for number in range(FOLDERS_MOST):
            name = f"Folder {number} ".ljust(60, "w")
            await add_folder(session, box.rings["portal"], box.bob.recipient_id, name, box.clock.now)
    page = await box.page(mail)
    assert page.count('name="to" value=') == FOLDERS_MOST
    assert len(page) < 350_000
