"""Attachments: read, added, uploaded in ranges, and sent as one mail."""

import base64
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest
from msgraph.generated.models.attachment_collection_response import AttachmentCollectionResponse
from msgraph.generated.models.upload_session import UploadSession

from emulator.exchange.mailbox import Item
from emulator.graph.attachments import RANGE_BYTES
from emulator.tenant import Tenant
from tests.emulator.conftest import ALICE, BOB, BORIS, INTAKE, MAILER, a_mail
from tests.emulator.test_messages import MIME, model, unknown

MIXED = """Content-Type: multipart/mixed; boundary=x"""
TWO = (
    b"--x\r\nContent-Type: text/plain\r\n\r\nText\r\n"
    b"--x\r\nContent-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nMSwyLDM=\r\n"
    b"--x\r\nContent-Type: image/png\r\nContent-ID: <pic@1>\r\nContent-Disposition: inline\r\n\r\nPNG\r\n"
    b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nInner\r\n--x--\r\n"
)


def file(name: str, content: bytes) -> dict[str, str]:
    encoded = base64.b64encode(content).decode()
    return {"@odata.type": "#microsoft.graph.fileAttachment", "name": name, "contentBytes": encoded}


async def draft(graph: httpx.AsyncClient, mime: bytes | None = None) -> str:
    content = base64.b64encode(mime or a_mail(sender=MAILER, to=BORIS))
    made = await graph.post(f"/users/{MAILER}/messages", content=content, headers=MIME)
    return f"/users/{MAILER}/messages/{made.json()['id']}"


async def upload(graph: httpx.AsyncClient, draft_url: str, name: str, content: bytes) -> httpx.Response:
    """Upload as the product must: ranges in order, without a token."""
    item = {"attachmentType": "file", "name": name, "size": len(content)}
    session = await graph.post(f"{draft_url}/attachments/createUploadSession", json={"AttachmentItem": item})
    assert session.status_code == 201
    url, start = session.json()["uploadUrl"], 0
    async with httpx.AsyncClient(verify=False, trust_env=False) as bare:
        while True:
            piece = content[start : start + RANGE_BYTES]
            headers = {"Content-Range": f"bytes {start}-{start + len(piece) - 1}/{len(content)}"}
            answer = await bare.put(url, content=piece, headers=headers)
            if answer.status_code != 200:
                return answer
            keys = {key.lower(): value for key, value in answer.json().items()}
            start = int(keys["nextexpectedranges"][0].split("-")[0])


def files(item: Item) -> dict[str | None, bytes]:
    read = message_from_bytes(item.mime, policy=policy.default)
    return {part.get_filename(): part.get_content() for part in read.iter_attachments()}


async def test_attachments_of_a_received_mail(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE, more=MIXED, body=TWO))
    item = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[0]
    url = f"/users/{INTAKE}/messages/{item.id}/attachments"
    found = model(AttachmentCollectionResponse, await graph.get(url)).value
    assert unknown(found) == set()
    assert [(one.name, one.size, one.is_inline) for one in found] == [
        ("a.csv", 5, False),
        ("ATT00001", 3, True),
        ("mail.eml", 21, False),
    ]
    assert found[0].content_bytes == b"1,2,3"
    assert found[2].odata_type == "#microsoft.graph.itemAttachment"
    assert (await graph.get(f"{url}/{found[0].id}/$value")).content == b"1,2,3"
    one = (await graph.get(f"{url}/{found[0].id}", params={"$select": "name,size"})).json()
    assert "contentBytes" not in one
    assert (await graph.get(f"{url}/nothing")).status_code == 404


async def test_added_files_are_sent_as_one_mail(microsoft: Tenant, graph: httpx.AsyncClient):
    url = await draft(graph)
    for name, content in (("bill.pdf", b"%PDF"), ("Überweisung.txt", b"\x00\xff" * 100)):
        made = await graph.post(f"{url}/attachments", json=file(name, content))
        assert made.status_code == 201
    gone = await graph.post(f"{url}/attachments", json=file("gone.txt", b"gone"))
    assert (await graph.delete(f"{url}/attachments/{gone.json()['id']}")).status_code == 204
    assert (await graph.get(url)).json()["hasAttachments"] is True
    shown = (await graph.get(f"{url}/$value")).content
    assert b"multipart/mixed" in shown
    assert (await graph.post(f"{url}/send")).status_code == 202
    item = microsoft.exchange.mailboxes[BORIS].folder("inbox").items[0]
    assert files(item) == {"bill.pdf": b"%PDF", "Überweisung.txt": b"\x00\xff" * 100}
    body = message_from_bytes(item.mime, policy=policy.default).get_body()
    assert body is not None
    assert body.get_content() == "Good day.\r\n"


async def test_files_join_a_draft_that_is_mixed_already(microsoft: Tenant, graph: httpx.AsyncClient):
    url = await draft(graph, a_mail(sender=MAILER, to=BORIS, more=MIXED, body=TWO))
    await graph.post(f"{url}/attachments", json=file("new.bin", b"new"))
    await graph.post(f"{url}/send")
    read = message_from_bytes(microsoft.exchange.mailboxes[BORIS].folder("inbox").items[0].mime)
    kinds = [part.get_content_type() for part in read.get_payload()]  # type: ignore[union-attr]
    assert kinds == ["text/plain", "text/csv", "image/png", "message/rfc822", "application/octet-stream"]


@pytest.mark.parametrize("capitalised", [False, True])
async def test_large_file_goes_up_in_ranges(microsoft: Tenant, graph: httpx.AsyncClient, *, capitalised: bool):
    microsoft.world.upload_answers_capitalised = capitalised
    content, url = bytes(range(256)) * 40_000, await draft(graph)  # 10.24 MB
    done = await upload(graph, url, "large.bin", content)
    assert done.status_code == 201
    where = done.headers["Location"]
    assert (await graph.get(where)).json()["size"] == len(content)
    await graph.post(f"{url}/send")
    [item] = microsoft.exchange.mailboxes[BORIS].folder("inbox").items
    assert files(item) == {"large.bin": content}
    assert microsoft.graph.uploads == {}


async def test_upload_session_is_what_microsoft_describes(microsoft: Tenant, graph: httpx.AsyncClient):
    url = await draft(graph)
    item = {"attachmentType": "file", "name": "a", "size": 3_200_000}
    made = await graph.post(f"{url}/attachments/createUploadSession", json={"attachmentItem": item})
    found = model(UploadSession, made)
    assert unknown(found) == set()
    assert found.next_expected_ranges == ["0-"]
    assert found.upload_url.startswith(f"{microsoft.url}/upload/")


@pytest.mark.parametrize(
    ("content_range", "length", "status"),
    [
        ("", 10, 400),
        ("bytes 0-9/3200001", 10, 400),
        ("bytes 0-8/3200000", 10, 400),
        ("bytes 10-19/3200000", 10, 416),
        (f"bytes 0-{RANGE_BYTES}/9000000", RANGE_BYTES + 1, 413),
    ],
)
async def test_wrong_ranges_are_refused(graph: httpx.AsyncClient, content_range: str, length: int, status: int):
    url = await draft(graph)
    size = 9_000_000 if "9000000" in content_range else 3_200_000
    item = {"attachmentType": "file", "name": "a", "size": size}
    made = await graph.post(f"{url}/attachments/createUploadSession", json={"attachmentItem": item})
    async with httpx.AsyncClient(verify=False, trust_env=False) as bare:
        headers = {"Content-Range": content_range} if content_range else {}
        answer = await bare.put(made.json()["uploadUrl"], content=b"x" * length, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (
            {"attachmentType": "file", "name": "a", "size": 2_000_000},
            "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
        ),
        ({"attachmentType": "file", "name": "a", "size": 200_000_000}, "ErrorAttachmentSizeLimitExceeded"),
        ({"attachmentType": "item", "name": "a", "size": 4_000_000}, "ErrorInvalidRequest"),
    ],
)
async def test_sessions_are_for_large_files(graph: httpx.AsyncClient, item: dict[str, Any], code: str):
    url = await draft(graph)
    answer = await graph.post(f"{url}/attachments/createUploadSession", json={"AttachmentItem": item})
    assert answer.json()["error"]["code"] == code


async def test_small_way_ends_at_three_megabytes(graph: httpx.AsyncClient):
    url = await draft(graph)
    fits = await graph.post(f"{url}/attachments", json=file("a", b"x" * (3_000_000)))
    assert fits.status_code == 201
    over = await graph.post(f"{url}/attachments", json=file("a", b"x" * 3_145_728))
    assert over.status_code == 413


async def test_bytes_going_up_are_counted(microsoft: Tenant, graph: httpx.AsyncClient):
    url = await draft(graph)
    microsoft.world.upload_bytes_per_5_minutes = 2_000_000
    made = [await graph.post(f"{url}/attachments", json=file("a", b"x" * 900_000)) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 429]


async def test_sent_mail_takes_no_files(microsoft: Tenant, graph: httpx.AsyncClient):
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    item = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[0]
    answer = await graph.post(f"/users/{INTAKE}/messages/{item.id}/attachments", json=file("a", b"x"))
    assert answer.status_code == 400


async def test_limit_at_sending_counts_the_encoded_files(microsoft: Tenant, graph: httpx.AsyncClient):
    url = await draft(graph, a_mail(sender=MAILER, to=BOB))
    await graph.post(f"{url}/attachments", json=file("a", b"x" * 90_000))
    whole = len((await graph.get(f"{url}/$value")).content)
    microsoft.exchange.add_mailbox(MAILER, "Secure Mail", max_send=whole - 100)
    answer = await graph.post(f"{url}/send")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "ErrorMessageSizeExceeded")
    assert (await graph.get(url)).json()["isDraft"] is True
    microsoft.exchange.add_mailbox(MAILER, "Secure Mail", max_send=whole + 100)
    assert (await graph.post(f"{url}/send")).status_code == 202
