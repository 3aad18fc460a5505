"""Subscriptions: made with a handshake, renewed, authorized again, deleted."""

import re
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from quart import Blueprint, g
from quart.typing import ResponseReturnValue

from emulator.exchange.mailbox import Mailbox
from emulator.graph.access import GRANTS, Access, read_json
from emulator.graph.errors import GraphError, access_denied, bad_request
from emulator.graph.query import read_time
from emulator.graph.state import Subscription

SHORTEST = timedelta(minutes=45)  # a nearer expiry is raised to this; docs, resources/subscription
CLIENT_STATE_LENGTH = 128  # same page
CHANGES = {"created", "updated", "deleted"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_RESOURCE = re.compile(
    r"/?users(?:/|\(')(?P<user>[^/']+?)(?:'\))?/(?:mailfolders(?:/|\(')(?P<folder>[^/']+?)(?:'\))?/)?messages/?$",
    re.IGNORECASE,
)


def add_routes(graph: Blueprint, access: Access) -> None:
    tenant = access.tenant
    found_in = tenant.graph.subscriptions

    def find(subscription_id: str) -> Subscription:
        one = found_in.get(subscription_id)
        if one is None or one.expires <= tenant.clock():
            found_in.pop(subscription_id, None)
            raise GraphError(404, "ResourceNotFound", "The object was not found.")
        return one

    def expiry(text: Any) -> datetime:
        when = read_time(str(text))
        now = tenant.clock()
        if when is None or when <= now:
            raise bad_request("Subscription expiration must be in the future.", "InvalidRequest")
        if when > now + tenant.world.max_expiry:
            if tenant.world.expiry_over_max == "refuse":
                raise bad_request("Subscription expiration can only be so far in the future.", "InvalidRequest")
            when = now + tenant.world.max_expiry
        return max(when, now + SHORTEST)

    @graph.post("/subscriptions")
    async def subscribe() -> ResponseReturnValue:
        given = await read_json()
        mailbox, folder_id = _resource(access, str(given.get("resource", "")))
        one = Subscription(
            id=str(uuid.uuid4()),
            application_id=tenant.client_id,
            resource=given["resource"],
            mailbox=mailbox,
            folder_id=folder_id,
            change_types=frozenset(_changes(given.get("changeType"))),
            change_type=str(given.get("changeType")),
            notification_url=_url(given.get("notificationUrl")),
            lifecycle_url=_url(given["lifecycleNotificationUrl"]) if given.get("lifecycleNotificationUrl") else None,
            client_state=_client_state(given.get("clientState")),
            expires=expiry(given.get("expirationDateTime")),
            immutable_ids=g.immutable,
        )
        for url in filter(None, (one.notification_url, one.lifecycle_url)):
            if not await tenant.notifier.handshake(url):
                raise bad_request("Subscription validation request failed.", "ValidationError")
        found_in[one.id] = one
        return _shape(one), 201

    @graph.get("/subscriptions")
    async def list_subscriptions() -> ResponseReturnValue:
        now = tenant.clock()
        return {"value": [_shape(one) for one in found_in.values() if one.expires > now]}

    @graph.get("/subscriptions/<subscription_id>")
    async def get_subscription(subscription_id: str) -> ResponseReturnValue:
        return _shape(find(subscription_id))

    @graph.patch("/subscriptions/<subscription_id>")
    async def renew(subscription_id: str) -> ResponseReturnValue:
        one, given = find(subscription_id), await read_json()
        if unknown := given.keys() - {"expirationDateTime", "notificationUrl", "@odata.type"}:
            raise bad_request(f"The property {min(unknown)} cannot be updated.", "InvalidRequest")
        if "notificationUrl" in given:
            url = _url(given["notificationUrl"])
            if not await tenant.notifier.handshake(url):
                raise bad_request("Subscription validation request failed.", "ValidationError")
            one.notification_url = url
        if "expirationDateTime" in given:
            one.expires = expiry(given["expirationDateTime"])
        one.is_paused = False
        return _shape(one)

    @graph.post("/subscriptions/<subscription_id>/reauthorize")
    async def reauthorize(subscription_id: str) -> ResponseReturnValue:
        find(subscription_id).is_paused = False
        return "", 204

    @graph.delete("/subscriptions/<subscription_id>")
    async def unsubscribe(subscription_id: str) -> ResponseReturnValue:
        found_in.pop(find(subscription_id).id, None)
        return "", 204


def _resource(access: Access, resource: str) -> tuple[Mailbox, str | None]:
    match = _RESOURCE.match(resource.partition("?")[0])
    if match is None or "?" in resource:
        raise bad_request("The resource is not one that can be subscribed to here.", "InvalidRequest")
    needs_entra = access.tenant.world.subscription_needs_entra_permission
    if needs_entra and not (GRANTS["read"] | {"Mail.ReadBasic"}) & access.tenant.app.permissions:
        raise access_denied()
    mailbox = access.mailbox(match["user"], "read")
    return mailbox, access.folder(mailbox, match["folder"]).id if match["folder"] else None


def _changes(text: Any) -> set[str]:
    found = {word.strip() for word in str(text or "").split(",")}
    if not found or not found <= CHANGES:
        raise bad_request("The change type is not known.", "InvalidRequest")
    return found


def _url(text: Any) -> str:
    """Take https anywhere; http on loopback only, which Graph would not take."""
    parts = urlsplit(str(text or ""))
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise bad_request("The notification URL must be https.", "InvalidRequest")
    return str(text)


def _client_state(text: Any) -> str | None:
    if text is not None and (not isinstance(text, str) or len(text) > CLIENT_STATE_LENGTH):
        raise bad_request("The client state is too long.", "InvalidRequest")
    return text


def _shape(one: Subscription) -> dict[str, Any]:
    return {
        "id": one.id,
        "resource": one.resource,
        "applicationId": one.application_id,
        "changeType": one.change_type,
        "clientState": one.client_state,
        "notificationUrl": one.notification_url,
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": one.lifecycle_url,
        "expirationDateTime": one.expires.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
        "creatorId": one.application_id,
        "includeResourceData": None,
        "latestSupportedTlsVersion": "v1_2",
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
    }
