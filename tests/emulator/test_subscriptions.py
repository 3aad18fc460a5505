"""Subscriptions: handshake, life, notifications, and what goes wrong with them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgraph.generated.models.subscription import Subscription

from emulator.tenant import Tenant
from tests.emulator.conftest import ALICE, BOB, BORIS, IMMUTABLE, INTAKE, Hook, a_mail
from tests.emulator.test_messages import model, unknown

# the fields of changeNotification in Microsoft's v1.0 metadata; the SDK ships no model of it
CHANGE_NOTIFICATION = {
    *("changeType", "clientState", "encryptedContent", "id", "lifecycleEvent", "resource", "resourceData"),
    *("subscriptionExpirationDateTime", "subscriptionId", "tenantId"),
}


def wanted(hook: Hook, life: timedelta = timedelta(days=6), **changed: Any) -> dict[str, Any]:
    return {
        "changeType": "created",
        "notificationUrl": hook.url,
        "lifecycleNotificationUrl": hook.url,
        "resource": f"users/{INTAKE}/mailFolders('inbox')/messages",
        "expirationDateTime": (datetime.now(UTC) + life).isoformat().replace("+00:00", "Z"),
        "clientState": "a secret",
        **changed,
    }


async def subscribe(graph: httpx.AsyncClient, hook: Hook, **changed: Any) -> str:
    answer = await graph.post("/subscriptions", json=wanted(hook, **changed), headers=IMMUTABLE)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_notification_has_microsofts_shape(microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook):
    made = await graph.post("/subscriptions", json=wanted(hook), headers=IMMUTABLE)
    found = model(Subscription, made)
    assert unknown(found) == set()
    assert found.expiration_date_time > datetime.now(UTC) + timedelta(days=5)
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    [told] = await hook.until(1)
    item = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[0]
    assert told["resourceData"]["id"] == item.immutable_id
    assert told["resource"].endswith(f"/Messages/{item.immutable_id}")
    assert (told["clientState"], told["changeType"]) == ("a secret", "created")
    assert told["tenantId"] == microsoft.tenant_id
    assert told.keys() <= CHANGE_NOTIFICATION


async def test_handshake_must_be_answered(graph: httpx.AsyncClient, hook: Hook):
    hook.answers = False
    answer = await graph.post("/subscriptions", json=wanted(hook))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ValidationError")
    nobody = wanted(hook, notificationUrl="http://localhost:9/")
    assert (await graph.post("/subscriptions", json=nobody)).status_code == 400
    assert (await graph.get("/subscriptions")).json()["value"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"notificationUrl": "http://example.com/notify"},
        {"resource": "users/x/events"},
        {"resource": f"users/{INTAKE}/messages?$filter=isRead eq false"},
        {"changeType": "touched"},
        {"clientState": "x" * 129},
        {"expirationDateTime": "2020-01-01T00:00:00Z"},
        {"life": timedelta(days=8)},
    ],
)
async def test_wrong_wishes_are_refused(graph: httpx.AsyncClient, hook: Hook, changed: dict[str, Any]):
    assert (await graph.post("/subscriptions", json=wanted(hook, **changed))).status_code == 400


async def test_scope_and_the_strict_world_are_kept(microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook):
    other = wanted(hook, resource=f"users/{BORIS}/messages")
    assert (await graph.post("/subscriptions", json=other)).status_code == 403
    microsoft.world.subscription_needs_entra_permission = True
    assert (await graph.post("/subscriptions", json=wanted(hook))).status_code == 403
    microsoft.app.permissions.add("Mail.ReadBasic")
    assert (await graph.post("/subscriptions", json=wanted(hook))).status_code == 201


async def test_near_expiry_is_raised_and_renewal_extends(graph: httpx.AsyncClient, hook: Hook):
    made = await graph.post("/subscriptions", json=wanted(hook, timedelta(minutes=5)))
    until = datetime.fromisoformat(made.json()["expirationDateTime"][:26] + "+00:00")
    assert until > datetime.now(UTC) + timedelta(minutes=44)
    later = wanted(hook, timedelta(days=3))["expirationDateTime"]
    url = f"/subscriptions/{made.json()['id']}"
    renewed = await graph.patch(url, json={"expirationDateTime": later})
    assert renewed.status_code == 200
    assert (await graph.get(url)).json()["expirationDateTime"] == renewed.json()["expirationDateTime"]
    assert (await graph.patch(url, json={"clientState": "other"})).status_code == 400
    assert (await graph.delete(url)).status_code == 204
    assert (await graph.get(url)).status_code == 404


async def test_expired_subscription_is_gone_and_silent(microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook):
    made = await subscribe(graph, hook)
    microsoft.subscriptions[made].expires = microsoft.clock() - timedelta(seconds=1)
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    assert (await graph.get(f"/subscriptions/{made}")).status_code == 404
    assert microsoft.subscriptions == {}
    assert hook.posts == 0


async def test_only_the_folder_and_the_changes_asked_for_are_told(
    microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook
):
    await subscribe(graph, hook, changeType="created,updated,deleted")
    mailbox = microsoft.exchange.mailboxes[INTAKE]
    mailbox.place(mailbox.new_item(a_mail(), now=microsoft.clock()), mailbox.folder("archive"))
    await microsoft.exchange.submit(ALICE, a_mail(to=BOB, subject="[secure]"))
    [item] = mailbox.folder("inbox").items
    await graph.patch(f"/users/{INTAKE}/messages/{item.id}", json={"isRead": True})
    mailbox.move(item, mailbox.folder("archive"))
    told = await hook.until(3)
    assert [one["changeType"] for one in told] == ["created", "updated", "deleted"]


async def test_post_that_fails_is_repeated(microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook):
    await subscribe(graph, hook)
    hook.status = 503
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    while not hook.posts:  # noqa: ASYNC110 - the hook is looked at from outside
        await asyncio.sleep(0.01)
    hook.status = 202
    assert len(await hook.until(1)) == 1


async def test_chaos_drops_doubles_and_delays(microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook):
    await subscribe(graph, hook)
    chaos = microsoft.world.chaos
    chaos.drop = 1.0
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    chaos.drop, chaos.double, chaos.reorder, chaos.delay = 0.0, 1.0, True, timedelta(milliseconds=20)
    for _ in range(3):
        await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    told = await hook.until(6)
    first, *others = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items
    assert sorted(one["resourceData"]["id"] for one in told) == sorted(2 * [one.immutable_id for one in others])
    assert first.immutable_id not in {one["resourceData"]["id"] for one in told}


async def test_lifecycle_pauses_until_authorized_again(microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook):
    made = await subscribe(graph, hook)
    await microsoft.notifier.lifecycle(microsoft.subscriptions[made], "reauthorizationRequired")
    [event] = await hook.until(1)
    assert event["lifecycleEvent"] == "reauthorizationRequired"
    assert event.keys() <= CHANGE_NOTIFICATION
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    assert (await graph.post(f"/subscriptions/{made}/reauthorize")).status_code == 204
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    told = await hook.until(2)
    second = microsoft.exchange.mailboxes[INTAKE].folder("inbox").items[1]
    assert told[1]["resourceData"]["id"] == second.immutable_id
    await microsoft.notifier.lifecycle(microsoft.subscriptions[made], "subscriptionRemoved")
    assert microsoft.subscriptions == {}
    await hook.until(3)


async def test_expiry_over_the_longest_is_cut_in_the_other_reading(
    microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook
):
    microsoft.world.expiry_over_max, microsoft.world.max_expiry = "cap", timedelta(minutes=4_230)
    made = await graph.post("/subscriptions", json=wanted(hook, timedelta(days=20)))
    until = datetime.fromisoformat(made.json()["expirationDateTime"][:26] + "+00:00")
    assert timedelta(minutes=4_200) < until - datetime.now(UTC) <= timedelta(minutes=4_230)


async def test_restored_item_is_told_again(microsoft: Tenant, graph: httpx.AsyncClient, hook: Hook):
    await subscribe(graph, hook)
    await microsoft.exchange.submit(ALICE, a_mail(to=INTAKE))
    mailbox = microsoft.exchange.mailboxes[INTAKE]
    [item] = mailbox.folder("inbox").items
    mailbox.move(item, mailbox.folder("archive"))
    mailbox.move(item, mailbox.folder("inbox"))
    first, second = await hook.until(2)
    assert first["resourceData"]["id"] == second["resourceData"]["id"] == item.immutable_id
