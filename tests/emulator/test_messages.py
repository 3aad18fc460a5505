"""Messages through Graph: reading, drafts, sending, moving; Microsoft's own models must know every field."""

import asyncio
import base64
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import httpx
import pytest
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph.generated.models.mail_folder_collection_response import MailFolderCollectionResponse
from msgraph.generated.models.message import Message
from msgraph.generated.models.message_collection_response import MessageCollectionResponse
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from emulator.tenant import Tenant
from emulator.world import World
from tests.emulator.conftest import ALICE, BOB, BORIS, CAROL, IMMUTABLE, INTAKE, MAILER, a_mail

MIME = {"Content-Type": "text/plain"}


def model(kind: Any, answer: httpx.Response) -> Any:
    return JsonParseNodeFactory().get_root_parse_node("application/json", answer.content).get_object_value(kind)


def unknown(found: Any) -> set[str]:
    """Say which fields Microsoft's model does not know, OData's own left out."""
    if isinstance(found, list):
        return set().union(*(unknown(one) for one in found))
    names = {
        f"{type(found).__name__}.{key}" for key in getattr(found, "additional_data", {}) if not key.startswith("@")
    }
    store = getattr(found, "__dict__", {})
    inner = [value for value in store.values() if hasattr(value, "additional_data") or isinstance(value, list)]
    return names.union(*(unknown(one) for one in inner))


def base64_of(mime: bytes) -> bytes:
    return base64.b64encode(mime)


async def test_microsofts_models_know_every_field_of_a_message(microsoft: Tenant, graph: httpx.AsyncClient):
    html = b"<p>Hello</p>"
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE, more="Content-Type: text/html", body=html))
    listed = await graph.get(f"/users/{INTAKE}/mailFolders/inbox/messages")
    found = model(MessageCollectionResponse, listed)
    assert unknown(found.value) == set()
    one = found.value[0]
    assert one.subject == "Hello"
    assert one.from_.email_address.address == ALICE
    assert one.from_.email_address.name == "Alice Ames"
    assert one.body.content == "<p>Hello</p>"
    assert one.is_draft is False
    alone = await graph.get(f"/users/{INTAKE}/messages/{one.id}?$select=subject,internetMessageHeaders")
    headers = {row.name: row.value for row in model(Message, alone).internet_message_headers}
    assert headers["X-MS-Exchange-Organization-AuthAs"] == "Internal"


async def test_microsofts_models_know_every_field_of_folders(graph: httpx.AsyncClient):
    made = await graph.post(f"/users/{INTAKE}/mailFolders", json={"displayName": "Sealed"})
    assert made.status_code == 201
    again = await graph.post(f"/users/{INTAKE}/mailFolders", json={"displayName": "sealed"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ErrorFolderExists")
    found = model(
        MailFolderCollectionResponse,
        await graph.get(f"/users/{INTAKE}/mailFolders", params={"$filter": "displayName eq 'Sealed'"}),
    )
    assert [one.display_name for one in found.value] == ["Sealed"]
    assert unknown(found.value) == set()


async def test_errors_are_odata_errors(graph: httpx.AsyncClient):
    answer = await graph.get(f"/users/{INTAKE}/messages/nothing")
    assert answer.status_code == 404
    found = model(ODataError, answer)
    assert found.error.code == "ErrorItemNotFound"
    assert unknown(found.error) == set()
    assert (await graph.get("/nowhere")).json()["error"]["code"] == "ResourceNotFound"


async def test_double_slash_is_read_as_one(graph: httpx.AsyncClient):
    assert (await graph.get(f"{graph.base_url}/users/{INTAKE}/mailFolders/inbox")).status_code == 200


async def test_mailboxes_outside_the_scope_are_forbidden(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=BORIS))
    for path in (f"/users/{BORIS}/messages", f"/users/{ALICE}/mailFolders", "/users/nobody@ct.gov/messages"):
        answer = await graph.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ErrorAccessDenied")
    body = {"message": {"subject": "x", "toRecipients": [{"emailAddress": {"address": BORIS}}]}}
    assert (await graph.post(f"/users/{ALICE}/sendMail", json=body)).status_code == 403
    assert (await graph.post(f"/users/{INTAKE}/sendMail", json=body)).status_code == 403  # may be read, not sent from
    microsoft.app.permissions.add("Mail.Read")
    assert (await graph.get(f"/users/{BORIS}/messages")).status_code == 200
    assert (await graph.get("/users/nobody@ct.gov/messages")).json()["error"]["code"] == "ErrorInvalidUser"
    assert (await graph.post(f"/users/{BORIS}/messages", json={})).status_code == 403


async def test_mime_of_an_item_ends_in_the_bytes_sent(microsoft: Tenant, graph: httpx.AsyncClient):
    body = bytes(range(256)) * 3_000 + b"no line end"
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE, body=body))
    item = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[0]
    answer = await graph.get(f"/users/{INTAKE}/messages/{item.id}/$value")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.content.endswith(b"\r\n\r\n" + body)
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_pages_follow_each_other(microsoft: Tenant, graph: httpx.AsyncClient):
    for number in range(25):
        await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE, subject=f"Mail {number}"))
    url: str | None = f"/users/{INTAKE}/mailFolders/inbox/messages?$select=subject&$top=10"
    subjects, pages = [], 0
    while url:
        page = (await graph.get(url)).json()
        subjects += [row["subject"] for row in page["value"]]
        assert all(row.keys() == {"@odata.etag", "id", "subject"} for row in page["value"])
        url, pages = page.get("@odata.nextLink"), pages + 1
    assert pages == 3
    assert subjects == [f"Mail {number}" for number in reversed(range(25))]
    assert (await graph.get(f"/users/{INTAKE}/messages?$top=1001")).status_code == 400


async def test_filters_choose_and_unknown_ones_are_refused(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE, subject="One", more="Message-ID: <one+x@ct.gov>"))
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE, subject="Two's", more="Message-ID: <two@ct.gov>"))
    for text, subjects in (
        ("internetMessageId eq '<one+x@ct.gov>'", ["One"]),
        ("receivedDateTime ge 2020-01-01T00:00:00Z and isRead eq false", ["Two's", "One"]),
        ("receivedDateTime le 2020-01-01T00:00:00.0000000Z", []),
        ("isDraft eq true", []),
        ("subject eq 'Two''s'", ["Two's"]),
        ("startswith(subject,'on')", ["One"]),
    ):
        found = await graph.get(f"/users/{INTAKE}/messages", params={"$filter": text})
        assert [row["subject"] for row in found.json()["value"]] == subjects, text
    for text in ("colour eq 'red'", "isRead is true", "isRead eq maybe"):
        assert (await graph.get(f"/users/{INTAKE}/messages", params={"$filter": text})).status_code == 400


async def test_default_id_changes_on_move_and_immutable_id_stays(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    item = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[0]
    kept, old = item.immutable_id, item.id
    moved = await graph.post(f"/users/{INTAKE}/messages/{old}/move", json={"DestinationId": "archive"})
    assert moved.status_code == 201
    assert moved.json()["id"] not in {old, kept}
    assert (await graph.get(f"/users/{INTAKE}/messages/{old}")).status_code == 404
    assert (await graph.get(f"/users/{INTAKE}/messages/{kept}")).status_code == 404  # without the header
    found = await graph.get(f"/users/{INTAKE}/mailFolders/archive/messages/{kept}", headers=IMMUTABLE)
    assert found.json()["id"] == kept
    assert (await graph.get(f"/users/{INTAKE}/mailFolders/inbox/messages/{kept}", headers=IMMUTABLE)).status_code == 404


async def test_deleting_goes_to_deleted_items_and_purging_out_of_sight(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    mailbox = microsoft.exchange.mailboxes[INTAKE]
    item = mailbox.folder("inbox").items[0]
    assert (await graph.delete(f"/users/{INTAKE}/messages/{item.id}")).status_code == 204
    assert item.folder.well_known == "deleteditems"
    assert (await graph.post(f"/users/{INTAKE}/messages/{item.id}/permanentDelete")).status_code == 204
    assert item.folder.well_known == "recoverableitemspurges"
    assert (await graph.get(f"/users/{INTAKE}/messages")).json()["value"] == []


async def test_mime_draft_is_sent_as_written_and_stays_in_sent_items(microsoft: Tenant, graph: httpx.AsyncClient):
    mime = a_mail(sender=MAILER, to=BOB, bcc=CAROL, more="Message-ID: <row@localhost>\nX-Row: 7")
    made = await graph.post(f"/users/{MAILER}/messages", content=base64_of(mime), headers=MIME | IMMUTABLE)
    assert made.status_code == 201
    draft = made.json()
    assert draft["isDraft"] is True
    assert draft["internetMessageId"] == "<row@localhost>"
    sent = await graph.post(f"/users/{MAILER}/messages/{draft['id']}/send", headers=IMMUTABLE)
    assert (sent.status_code, sent.content) == (202, b"")
    outside = microsoft.exchange.outside[BOB].mails[0].mime
    assert b"Message-ID: <row@localhost>" in outside
    assert b"X-Row: 7" in outside
    assert outside.endswith(b"\r\n\r\nGood day.\r\n")
    kept = (await graph.get(f"/users/{MAILER}/messages/{draft['id']}", headers=IMMUTABLE)).json()
    assert kept["isDraft"] is False
    assert kept["bccRecipients"][0]["emailAddress"]["address"] == CAROL
    assert kept["parentFolderId"] == microsoft.exchange.mailboxes[MAILER].folder("sentitems").id
    again = await graph.post(f"/users/{MAILER}/messages/{draft['id']}/send", headers=IMMUTABLE)
    assert again.status_code == 400
    assert len(microsoft.exchange.outside[BOB].mails) == 1


async def test_other_reading_changes_ids_on_sending(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.world.send_keeps_message_id = microsoft.world.immutable_id_survives_send = False
    mime = a_mail(sender=MAILER, to=BOB, more="Message-ID: <row@localhost>")
    draft = await graph.post(f"/users/{MAILER}/messages", content=base64_of(mime), headers=MIME | IMMUTABLE)
    await graph.post(f"/users/{MAILER}/messages/{draft.json()['id']}/send", headers=IMMUTABLE)
    assert (await graph.get(f"/users/{MAILER}/messages/{draft.json()['id']}", headers=IMMUTABLE)).status_code == 404
    assert b"<row@localhost>" not in microsoft.exchange.outside[BOB].mails[0].mime


async def test_json_draft_changes_and_goes_out(microsoft: Tenant, graph: httpx.AsyncClient):
    to = [{"emailAddress": {"address": BORIS, "name": "Bóris"}}]
    body = {"subject": "Grüße", "toRecipients": to, "body": {"contentType": "HTML", "content": "<b>é</b>"}}
    headers = [{"name": "X-Own", "value": "1"}]
    made = await graph.post(f"/users/{MAILER}/messages", json=body | {"internetMessageHeaders": headers})
    assert made.status_code == 201
    assert unknown(model(Message, made)) == set()
    changed = await graph.patch(f"/users/{MAILER}/messages/{made.json()['id']}", json={"subject": "Grüße 2"})
    assert changed.json()["subject"] == "Grüße 2"
    assert (await graph.post(f"/users/{MAILER}/messages/{made.json()['id']}/send")).status_code == 202
    item = microsoft.exchange.mailboxes[BORIS].folder("inbox").items[0]
    assert item.subject == "Grüße 2"
    assert item.header.get("x-own") == "1"
    payload = message_from_bytes(item.mime).get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode() == "<b>é</b>"


async def test_sent_mail_cannot_be_rewritten(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    item = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[0]
    assert (await graph.patch(f"/users/{INTAKE}/messages/{item.id}", json={"isRead": True})).json()["isRead"] is True
    assert (await graph.patch(f"/users/{INTAKE}/messages/{item.id}", json={"subject": "No"})).status_code == 400


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%%%", "ErrorMimeContentInvalidBase64String"),
        (b"", "ErrorMimeContentInvalidBase64String"),
        (base64.b64encode(b"Subject: nobody\r\n\r\n"), "ErrorInvalidRecipients"),
        (base64.b64encode(b"To: nobody@nowhere\r\n\r\n"), "ErrorInvalidRecipients"),
    ],
)
async def test_send_mail_refuses_what_is_no_mail(graph: httpx.AsyncClient, content: bytes, code: str):
    answer = await graph.post(f"/users/{MAILER}/sendMail", content=content, headers=MIME)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


async def test_send_mail_by_mime_and_json(microsoft: Tenant, graph: httpx.AsyncClient):
    mime = a_mail(sender=MAILER, to=BOB)
    assert (await graph.post(f"/users/{MAILER}/sendMail", content=base64_of(mime), headers=MIME)).status_code == 202
    message = {"subject": "J", "toRecipients": [{"emailAddress": {"address": BOB}}]}
    body = {"Message": message, "SaveToSentItems": False}
    assert (await graph.post(f"/users/{MAILER}/sendMail", json=body)).status_code == 202
    assert len(microsoft.exchange.outside[BOB].mails) == 2
    assert len(microsoft.exchange.mailboxes[MAILER].folder("sentitems").items) == 1


async def test_headers_that_are_not_x_are_refused(graph: httpx.AsyncClient):
    body = {"internetMessageHeaders": [{"name": "References", "value": "<a@b>"}]}
    answer = await graph.post(f"/users/{MAILER}/messages", json=body)
    assert answer.json()["error"]["code"] == "InvalidInternetMessageHeader"


async def test_request_over_four_megabytes_is_refused(graph: httpx.AsyncClient):
    large = b"A" * (4 * 1_048_576 + 4)
    answer = await graph.post(f"/users/{MAILER}/messages", content=large, headers=MIME)
    assert answer.status_code == 413


@pytest.mark.parametrize("reading", ["refuse", "report"])
async def test_mail_over_the_senders_limit_is_refused_or_reported(
    microsoft: Tenant, graph: httpx.AsyncClient, reading: Any
):
    microsoft.world.oversize_send = reading
    microsoft.exchange.add_mailbox(MAILER, "Secure Mail", max_send=2_000)
    mime = a_mail(sender=MAILER, to=BOB, body=b"x" * 2_000)
    answer = await graph.post(f"/users/{MAILER}/sendMail", content=base64_of(mime), headers=MIME)
    assert answer.status_code == (413 if reading == "refuse" else 202)
    inbox = microsoft.exchange.mailboxes[MAILER].folder("inbox").items
    assert len(inbox) == (0 if reading == "refuse" else 1)
    assert BOB not in microsoft.exchange.outside


async def test_foreign_from_is_refused_in_the_strict_world(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.world.from_other_address = "refuse"
    answer = await graph.post(f"/users/{MAILER}/sendMail", content=base64_of(a_mail(sender=BOB)), headers=MIME)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ErrorSendAsDenied")


async def test_planned_faults_answer_429_503_and_504(microsoft: Tenant, graph: httpx.AsyncClient):
    chaos = microsoft.world.chaos
    chaos.throttle, chaos.retry_after = 1.0, 7
    answer = await graph.get(f"/users/{INTAKE}/messages")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    chaos.throttle, chaos.fail = 0.0, 1.0
    assert (await graph.get(f"/users/{INTAKE}/messages")).status_code == 503
    chaos.fail, chaos.fail_after = 0.0, 1.0
    mime = base64_of(a_mail(sender=MAILER, to=BOB))
    assert (await graph.post(f"/users/{MAILER}/sendMail", content=mime, headers=MIME)).status_code == 504
    assert len(microsoft.exchange.outside[BOB].mails) == 1


async def test_new_item_may_not_be_there_yet(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.world.chaos.item_late = timedelta(milliseconds=400)
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    url = f"/users/{INTAKE}/messages/{microsoft.exchange.mailboxes[INTAKE].folder('inbox').items[0].id}"
    assert (await graph.get(url)).json()["error"]["code"] == "ErrorItemNotFound"
    await asyncio.sleep(0.5)
    assert (await graph.get(url)).status_code == 200


async def test_download_is_cut_in_the_middle(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE, body=b"x" * 2_000_000))
    item = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[0]
    microsoft.world.chaos.cut = 1.0
    with pytest.raises(httpx.RemoteProtocolError):
        await graph.get(f"/users/{INTAKE}/messages/{item.id}/$value")


async def test_more_requests_at_once_than_allowed_are_throttled(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.world.concurrent_per_mailbox = 0
    answer = await graph.get(f"/users/{INTAKE}/messages")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "ApplicationThrottled")
    microsoft.world.concurrent_per_mailbox, microsoft.world.requests_per_10_minutes = 4, 2
    found = [(await graph.get(f"/users/{INTAKE}/messages")).status_code for _ in range(3)]
    assert found == [200, 200, 429]


async def test_mails_a_minute_are_counted(microsoft: Tenant, graph: httpx.AsyncClient):
    microsoft.world.mails_per_minute = 1
    mime = base64_of(a_mail(sender=MAILER, to=BOB))
    found = [(await graph.post(f"/users/{MAILER}/sendMail", content=mime, headers=MIME)).status_code for _ in range(2)]
    assert found == [202, 429]


def test_worlds_differ_in_every_silent_point():
    one, other = World.as_scripts_leave_it(), World.other_reading()
    for name in ("redirect_copies", "send_keeps_message_id", "from_other_address", "oversize_send", "expired_delta"):
        assert getattr(one, name) != getattr(other, name)
