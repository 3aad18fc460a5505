"""Change notifications: the handshake, the posts, their retries, and what may go wrong on the way."""

import asyncio
import secrets
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx

from emulator.exchange.mailbox import Change, Folder, Item, Mailbox
from emulator.graph.state import GraphState, Subscription
from emulator.world import World

HANDSHAKE_SECONDS = 10.0  # Graph: else the subscription is not made; docs, change-notifications-delivery-webhooks
POST_SECONDS = 10.0
MOST_IN_ONE_POST = 20
FIRST_RETRY_SECONDS = 0.5  # weak: Graph's own steps are not documented; bound by four hours there, by six tries here
TRIES = 6
ODATA_MESSAGE = "#Microsoft.Graph.Message"


class Notifier:
    """Listens to the mailboxes and tells the subscribers."""

    def __init__(
        self, state: GraphState, world: World, tenant_id: str, ca: Path, clock: Callable[[], datetime]
    ) -> None:
        self._state, self._world, self._tenant_id, self._clock = state, world, tenant_id, clock
        self._ca = ca
        self._http: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def http(self) -> httpx.AsyncClient:
        if self._http is None:
            context = ssl.create_default_context(cafile=self._ca)
            self._http = httpx.AsyncClient(verify=context, trust_env=False, timeout=POST_SECONDS)
        return self._http

    async def close(self) -> None:
        tasks, self._tasks = list(self._tasks), set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def handshake(self, url: str) -> bool:
        """Ask the endpoint to repeat a token, as Graph does while a subscription is being made."""
        token = f"Validation: Testing client application reachability for subscription. Id {secrets.token_urlsafe(16)}"
        joined = f"{url}{'&' if '?' in url else '?'}validationToken={quote(token, safe='')}"
        try:
            answer = await self.http.post(
                joined, headers={"Content-Type": "text/plain; charset=utf-8"}, timeout=HANDSHAKE_SECONDS
            )
        except httpx.HTTPError:
            return False
        kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
        return answer.status_code == 200 and kind == "text/plain" and answer.text == token

    def changed(self, mailbox: Mailbox, folder: Folder, item: Item, change: Change) -> None:
        """Queue a notification for every subscription that wants to hear of this."""
        for one in list(self._state.subscriptions.values()):
            if one.expires <= self._clock():
                self._state.subscriptions.pop(one.id, None)
                continue
            if one.mailbox is not mailbox or one.is_paused or folder.is_hidden or change not in one.change_types:
                continue
            if one.folder_id in {None, folder.id}:
                self._queue(one, self._notification(one, item, change))

    async def lifecycle(self, subscription: Subscription, event: str) -> None:
        """Post a lifecycle event, and do to the subscription what the event says."""
        if event == "subscriptionRemoved":
            self._state.subscriptions.pop(subscription.id, None)
        subscription.is_paused = event == "reauthorizationRequired"
        if subscription.lifecycle_url is None:
            return
        value = {
            "lifecycleEvent": event,
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": _iso(subscription.expires),
            "clientState": subscription.client_state,
            "resource": subscription.resource,
            "tenantId": self._tenant_id,
        }
        with suppress(httpx.HTTPError):
            await self.http.post(subscription.lifecycle_url, json={"value": [value]})

    def _notification(self, one: Subscription, item: Item, change: Change) -> dict[str, object]:
        item_id = item.immutable_id if one.immutable_ids else item.id
        resource = f"Users/{one.mailbox.user_id}/Messages/{item_id}"
        return {
            "subscriptionId": one.id,
            "subscriptionExpirationDateTime": _iso(one.expires),
            "changeType": change,
            "resource": resource,
            "resourceData": {
                "@odata.type": ODATA_MESSAGE,
                "@odata.id": resource,
                "@odata.etag": f'W/"{item.change_key}"',
                "id": item_id,
            },
            "clientState": one.client_state,
            "tenantId": self._tenant_id,
        }

    def _queue(self, one: Subscription, notification: dict[str, object]) -> None:
        chaos = self._world.chaos
        if self._world.happens(chaos.drop):
            return
        for _ in range(2 if self._world.happens(chaos.double) else 1):
            one.pending.append(notification)
        if one.worker is None or one.worker.done():
            one.worker = asyncio.create_task(self._work(one))
            self._tasks.add(one.worker)
            one.worker.add_done_callback(self._tasks.discard)

    async def _work(self, one: Subscription) -> None:
        while one.pending:
            wait = self._world.notification_latency.total_seconds()
            if self._world.chaos.delay:
                wait += self._world.random.random() * self._world.chaos.delay.total_seconds()
            await asyncio.sleep(wait)
            batch = [one.pending.popleft() for _ in range(min(len(one.pending), MOST_IN_ONE_POST))]
            if self._world.chaos.reorder:
                self._world.random.shuffle(batch)
            await self._post(one.notification_url, batch)

    async def _post(self, url: str, batch: list[dict[str, object]]) -> None:
        """Post until any 2xx; what is given up is lost, as at Graph after four hours."""
        for number in range(TRIES):
            with suppress(httpx.HTTPError):
                answer = await self.http.post(url, json={"value": batch})
                if answer.is_success:
                    return
            await asyncio.sleep(FIRST_RETRY_SECONDS * 2**number)


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
