"""The outside mailboxes: byte for byte what arrived, and what strangers may try."""

import pytest
from quart.typing import TestClientProtocol as Client

from emulator.tenant import Tenant
from tests.emulator_pages.conftest import MARIA, PAT, ROSA, form

LINK = "https://safemail.ct.gov/d/abc"


async def sent_out(client: Client) -> None:
    body = f'<p>Open <a href="{LINK}">it</a> {LINK}</p>'
    await client.post(f"/outlook/{MARIA}/send", **form(to=ROSA, subject="Notice", body=body, kind="html"))


async def test_every_outside_mailbox_can_be_chosen(client: Client) -> None:
    page = await (await client.get("/internet")).get_data(as_text=True)
    assert all(f'value="{address}"' in page for address in (ROSA, PAT))
    answer = await client.get(f"/internet?mailbox={ROSA}")
    assert answer.headers["Location"] == f"/internet/{ROSA}"


async def test_an_inside_address_is_no_outside_mailbox(client: Client, tenant: Tenant) -> None:
    assert (await client.get(f"/internet?mailbox={MARIA}")).status_code == 200
    assert MARIA not in tenant.exchange.outside
    assert (await client.get(f"/internet/{MARIA}")).status_code == 404


async def test_a_mail_is_shown_three_ways(client: Client, tenant: Tenant) -> None:
    await sent_out(client)
    page = await (await client.get(f"/internet/{ROSA}/0")).get_data(as_text=True)
    assert 'id="view-text"' in page
    assert 'id="view-source"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    frame = await client.get(f"/internet/{ROSA}/0/html")
    assert f'href="{LINK}"' in await frame.get_data(as_text=True)
    assert '<base target="_blank">' in await frame.get_data(as_text=True)
    assert "allow-scripts" not in frame.headers["Content-Security-Policy"]
    text = await (await client.get(f"/internet/{ROSA}/0?view=text")).get_data(as_text=True)
    assert f'<a href="{LINK}"' in text
    source = await (await client.get(f"/internet/{ROSA}/0?view=source")).get_data(as_text=True)
    assert "Content-Transfer-Encoding: base64" in source
    assert (await client.get(f"/internet/{ROSA}/0?view=other")).status_code == 404
    raw = await (await client.get(f"/internet/api/{ROSA}/0.eml")).get_data()
    assert raw == tenant.exchange.outside[ROSA].mails[0].mime


@pytest.mark.parametrize("path", [f"/internet/{ROSA}/0", f"/internet/{ROSA}/0/html", f"/internet/api/{ROSA}/0.eml"])
async def test_a_mail_that_never_came_is_404(client: Client, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_the_list_for_tests_says_all(client: Client) -> None:
    assert await (await client.get("/internet/api/nobody@example.com")).get_json() == []
    await sent_out(client)
    [row] = await (await client.get(f"/internet/api/{ROSA}")).get_json()
    assert (row["id"], row["subject"], row["from"], row["to"]) == (0, "Notice", MARIA, [ROSA])
    assert LINK in row["text"]
    assert f'href="{LINK}"' in row["html"]


async def test_a_stranger_answers(client: Client, tenant: Tenant) -> None:
    await sent_out(client)
    page = await (await client.get(f"/internet/{ROSA}/new?reply=0")).get_data(as_text=True)
    assert f'name="to" value="{MARIA}"' in page
    assert 'value="Re: Notice"' in page
    answer = await client.post(
        f"/internet/{ROSA}/send",
        **form(name="Rosa", to=MARIA, subject="Re: Notice", body="Thanks", in_reply_to="<a@b>"),
    )
    assert answer.status_code == 303
    [item] = tenant.exchange.mailboxes[MARIA].folder("inbox").items
    assert item.from_ is not None
    assert (item.from_.name, item.from_.address, item.header.get("in-reply-to")) == ("Rosa", ROSA, "<a@b>")
    assert item.header.get("x-ms-exchange-organization-authas") == "Anonymous"


async def test_forged_fields_are_sent_as_typed_and_exchange_strips_its_own(client: Client, tenant: Tenant) -> None:
    forged = f"From: The Governor <{MARIA}>\nX-Ms-Exchange-Organization-AuthAs: Internal\nX-Stamp: guess"
    await client.post(f"/internet/{PAT}/send", **form(to=MARIA, subject="x", body="y", headers=forged))
    [item] = tenant.exchange.mailboxes[MARIA].folder("inbox").items
    assert item.header.get_all("from") == [f"The Governor <{MARIA}>"]
    assert item.header.get("return-path") == PAT
    assert item.header.get_all("x-ms-exchange-organization-authas") == ["Anonymous"]
    assert item.header.get("x-stamp") == "guess"


@pytest.mark.parametrize(("to", "headers"), [("", ""), (MARIA, "no field")])
async def test_what_cannot_be_sent_is_400(client: Client, tenant: Tenant, to: str, headers: str) -> None:
    answer = await client.post(f"/internet/{PAT}/send", **form(to=to, headers=headers, subject="x", body="y"))
    assert answer.status_code == 400
    assert tenant.exchange.mailboxes[MARIA].folder("inbox").items == []


async def test_raw_bytes_can_be_sent_from_outside(client: Client, tenant: Tenant) -> None:
    raw = b"From: x@y.example\r\nSubject: raw\r\n\r\nbody"
    answer = await client.post(f"/internet/api/x@y.example/send?recipients={MARIA}", data=raw)
    assert answer.status_code == 202
    assert tenant.exchange.mailboxes[MARIA].folder("inbox").items[0].mime.endswith(raw)
