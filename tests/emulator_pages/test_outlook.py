"""The Outlook page: what a staff person can do, and what tests ask of it."""

from pathlib import Path

import pytest
from quart.typing import TestClientProtocol as Client

from emulator.cast import INTAKE
from emulator.reading import read_mail
from emulator.tenant import Tenant
from tests.emulator_pages.conftest import MARIA, PAT, ROSA, RUTH, form, get_bytes

WEB = Path(__file__).parents[2] / "addin" / "web"
MAILS = Path(__file__).parents[1] / "mail"
EVIL = (
    b"From: Eve <eve@example.com>\r\nTo: <maria.delgado@ct.gov>, ruth.chen@ct.gov\r\nReply-To: eve2@example.com\r\n"
    b"Subject: <script>alert(1)</script>\r\nMessage-ID: <e@example.com>\r\nContent-Type: text/html\r\n\r\n"
    b"<script>alert(2)</script><p>Hi</p>"
)


async def inbox_item(tenant: Tenant, address: str = MARIA) -> str:
    return tenant.exchange.mailboxes[address].folder("inbox").items[-1].immutable_id


async def received(tenant: Tenant) -> str:
    await tenant.exchange.receive_from_outside("eve@example.com", [MARIA], EVIL)
    return await inbox_item(tenant)


async def test_everybody_of_the_staff_can_be_chosen(client: Client) -> None:
    page = await (await client.get("/outlook")).get_data(as_text=True)
    assert all(f'value="{address}"' in page for address in (MARIA, RUTH, INTAKE))
    answer = await client.get(f"/outlook?mailbox={MARIA}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/outlook/{MARIA}/inbox")


@pytest.mark.parametrize(
    "path",
    [
        "/outlook?mailbox=nobody@ct.gov",
        "/outlook/nobody@ct.gov/inbox",
        f"/outlook/{MARIA}/nowhere",
        f"/outlook/{MARIA}/inbox/x",
    ],
)
async def test_what_is_not_there_is_404(client: Client, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_a_mail_is_sent_to_inside_and_outside(client: Client, tenant: Tenant) -> None:
    body = form(to=f"Rosa <{ROSA}>; {RUTH}", bcc=PAT, subject="Lunch", body="<p>Hi</p>", kind="html")
    answer = await client.post(f"/outlook/{MARIA}/send", **body)
    assert answer.status_code == 303
    [sent] = tenant.exchange.mailboxes[MARIA].folder("sentitems").items
    assert [one.key for one in sent.bcc] == [PAT]
    [inside] = tenant.exchange.mailboxes[RUTH].folder("inbox").items
    outside = [tenant.exchange.outside[one].mails for one in (ROSA, PAT)]
    assert [len(mails) for mails in outside] == [1, 1]
    assert all(PAT.encode() not in mime for mime in (inside.mime, outside[0][0].mime, outside[1][0].mime))


async def test_a_tagged_mail_goes_to_intake_and_not_outside(client: Client, tenant: Tenant) -> None:
    await client.post(f"/outlook/{MARIA}/send", **form(to=ROSA, subject="[ Secure ] x", body="Hello"))
    assert tenant.exchange.outside[ROSA].mails == []
    assert len(tenant.exchange.mailboxes[INTAKE].folder("inbox").items) == 1


async def test_files_are_sent_whole(client: Client, tenant: Tenant) -> None:
    large = bytes(range(256)) * 80_000  # 20 MB: over what Quart takes by default
    files = [("Größe.pdf", "application/pdf", b"%PDF\r\n--x\r\n"), ("big.bin", "application/octet-stream", large)]
    assert (
        await client.post(f"/outlook/{MARIA}/send", **form(files, to=ROSA, subject="x", body=""))
    ).status_code == 303
    shown = read_mail(tenant.exchange.outside[ROSA].mails[0].mime)
    assert [(leaf.name, leaf.content) for leaf in shown.files] == [(name, content) for name, _, content in files]


async def test_an_empty_file_field_is_no_file(client: Client, tenant: Tenant) -> None:
    empty = [("", "application/octet-stream", b"")]
    await client.post(f"/outlook/{MARIA}/send", **form(empty, to=ROSA, subject="x", body="typed & sent"))
    shown = read_mail(tenant.exchange.outside[ROSA].mails[0].mime)
    assert shown.files == ()
    assert "typed &amp; sent" in shown.html


@pytest.mark.parametrize("to", ["", " ; ", "Rosa", "a@", "@b", "a b@c.example"])
async def test_without_a_whole_address_nothing_is_sent(client: Client, tenant: Tenant, to: str) -> None:
    answer = await client.post(f"/outlook/{MARIA}/send", **form(to=to, subject="x", body=""))
    assert answer.status_code == 400
    assert tenant.exchange.mailboxes[MARIA].folder("sentitems").items == []


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x"])
async def test_a_form_that_is_none_is_400(client: Client, kind: str) -> None:
    answer = await client.post(f"/outlook/{MARIA}/send", data=b"--y\r\n", headers={"Content-Type": kind})
    assert answer.status_code == 400


async def test_a_foreign_mail_cannot_act_on_the_page(client: Client, tenant: Tenant) -> None:
    path = f"/outlook/{MARIA}/inbox/{await received(tenant)}"
    answer = await client.get(path)
    page = await answer.get_data(as_text=True)
    assert "<script>alert" not in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    mail = await client.get(f"{path}/html")
    assert "default-src 'none'" in mail.headers["Content-Security-Policy"]
    assert mail.headers["Content-Security-Policy"].startswith("sandbox ")
    assert "allow-scripts" not in mail.headers["Content-Security-Policy"]


async def test_reading_marks_read_and_the_rows_say_so(client: Client, tenant: Tenant) -> None:
    item = await received(tenant)
    rows = f"/outlook/{MARIA}/inbox?rows=1"
    assert "is-unread" in await (await client.get(rows)).get_data(as_text=True)
    await client.get(f"/outlook/{MARIA}/inbox/{item}")
    page = await (await client.get(rows)).get_data(as_text=True)
    assert "is-unread" not in page
    assert "<html" not in page
    assert page.count('class="mail-row') == 1


async def test_files_are_downloads_whatever_they_are(client: Client) -> None:
    files = [("page.html", "text/html", b"<script>alert(1)</script>")]
    await client.post(f"/outlook/{MARIA}/send", **form(files, to=RUTH, subject="x", body="y"))
    [row] = await (await client.get(f"/outlook/api/{RUTH}/inbox")).get_json()
    answer = await client.get(f"/outlook/{RUTH}/inbox/{row['id']}/file/0")
    assert await answer.get_data() == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"] == "attachment; filename=page.html"
    assert answer.mimetype == "application/octet-stream"
    assert (await client.get(f"/outlook/{RUTH}/inbox/{row['id']}/file/1")).status_code == 404


async def test_reply_goes_to_reply_to_and_reply_all_to_the_others_too(client: Client, tenant: Tenant) -> None:
    item = await received(tenant)
    page = await (await client.get(f"/outlook/{MARIA}/new?reply={item}")).get_data(as_text=True)
    assert 'name="to" value="eve2@example.com"' in page
    assert 'name="cc" value=""' in page
    assert 'value="RE: &lt;script&gt;' in page
    assert 'name="in_reply_to" value="&lt;e@example.com&gt;"' in page
    everyone = await (await client.get(f"/outlook/{MARIA}/new?reply={item}&all=1")).get_data(as_text=True)
    assert f'name="cc" value="{RUTH}"' in everyone


async def test_deleting_moves_and_deleting_again_removes(client: Client, tenant: Tenant) -> None:
    item = await received(tenant)
    box = tenant.exchange.mailboxes[MARIA]
    await client.post(f"/outlook/{MARIA}/inbox/{item}/delete")
    assert [one.immutable_id for one in box.folder("deleteditems").items] == [item]
    await client.post(f"/outlook/{MARIA}/deleteditems/{item}/delete")
    assert box.item(item) is None


async def test_the_compose_window_has_what_tests_rely_on(client: Client) -> None:
    page = await (await client.get(f"/outlook/{MARIA}/new")).get_data(as_text=True)
    for name in ("mailbox", "to", "cc", "bcc", "subject", "body", "files", "secure", "send", "new-mail"):
        assert f'id="{name}"' in page, name


async def test_the_add_in_is_served_as_it_is_but_for_office_js(client: Client) -> None:
    for path in (path for path in WEB.rglob("*") if path.is_file()):
        content = await get_bytes(client, f"/addin/{path.relative_to(WEB)}")
        if path.suffix == ".html":
            assert b"appsforoffice" not in content
            content = content.replace(
                b"/outlook/static/office-host.js", b"https://appsforoffice.microsoft.com/lib/1/hosted/office.js"
            )
        assert content == path.read_bytes()


@pytest.mark.parametrize(
    "path", ["/addin/../manifest.xml", "/addin/%2e%2e/manifest.xml", "/addin/none.js", "/addin/icons"]
)
async def test_nothing_beside_the_add_in_is_served(client: Client, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_raw_bytes_are_submitted_as_they_are(client: Client, tenant: Tenant) -> None:
    raw = b"From: maria.delgado@ct.gov\nSubject: odd\nX-Odd:  two  blanks\n\n\xff\xfe raw \r mixed\nlines"
    answer = await client.post(f"/outlook/api/{MARIA}/send?recipients={ROSA},{PAT}", data=raw)
    assert answer.status_code == 202
    mail = tenant.exchange.outside[ROSA].mails[0].mime
    assert b"\nX-Odd:  two  blanks\n" in mail
    assert mail.endswith(b"\n\n\xff\xfe raw \r mixed\nlines")
    assert len(tenant.exchange.outside[PAT].mails) == 1
    [row] = await (await client.get(f"/outlook/api/{MARIA}/sentitems")).get_json()
    assert row["id"] == (await answer.get_json())["id"]
    assert (await get_bytes(client, f"/outlook/api/{MARIA}/sentitems/{row['id']}.eml")).endswith(b"lines")


async def test_without_recipients_the_header_says_who(client: Client, tenant: Tenant) -> None:
    await client.post(f"/outlook/api/{MARIA}/send", data=f"To: {ROSA}\r\nSubject: x\r\n\r\ny".encode())
    assert len(tenant.exchange.outside[ROSA].mails) == 1


async def test_the_list_for_tests_says_what_a_person_sees(client: Client) -> None:
    files = [("a.txt", "text/plain", b"a")]
    await client.post(f"/outlook/{MARIA}/send", **form(files, to=RUTH, subject="Plan", body="Hello\nRuth"))
    [row] = await (await client.get(f"/outlook/api/{RUTH}/inbox")).get_json()
    assert (row["subject"], row["from"], row["to"], row["has_attachments"]) == ("Plan", MARIA, [RUTH], True)
    assert row["attachments"] == ["a.txt"]
    assert row["text"].split() == ["Hello", "Ruth"]


async def test_every_odd_mail_can_be_listed_and_shown(client: Client, tenant: Tenant) -> None:
    box = tenant.exchange.mailboxes[MARIA]
    for path in sorted(MAILS.glob("*.eml")):
        item = box.new_item(path.read_bytes(), now=tenant.exchange.clock())
        box.place(item, box.folder("inbox"))
        shown = f"/outlook/{MARIA}/inbox/{item.immutable_id}"
        for page in (shown, f"{shown}/html", f"/outlook/{MARIA}/new?reply={item.immutable_id}&all=1"):
            assert (await client.get(page)).status_code == 200, (path.name, page)
        box.move(item, box.folder("archive"))
    rows = await (await client.get(f"/outlook/api/{MARIA}/archive")).get_json()
    assert len(rows) == len(list(MAILS.glob("*.eml"))) > 100


async def test_a_long_list_shows_its_newest(client: Client, tenant: Tenant) -> None:
    for number in range(203):
        mail = f"From: a@example.com\r\nSubject: number {number}.\r\n\r\nx".encode()
        await tenant.exchange.receive_from_outside("a@example.com", [MARIA], mail)
    page = await (await client.get(f"/outlook/{MARIA}/inbox?rows=1")).get_data(as_text=True)
    assert "203 messages, newest 200 shown" in page
    assert "number 202." in page
    assert "number 2." not in page
