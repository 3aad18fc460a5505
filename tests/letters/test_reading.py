"""Receipts of reading: one by one up to 20 recipients, above that gathered by the hour, each hour once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from service.core.states import Envelope, Letter
from service.db.tables import Delivery, Outbox
from service.letters.queue import open_payload
from service.letters.reading import tell_read
from tests.letters.builders import SENT, Post

HOUR = SENT.replace(minute=0, second=0)
SECOND = timedelta(seconds=1)


async def to_many(post: Post, count: int) -> list[Delivery]:
    message = await post.a_message()
    return [
        await post.a_delivery(message, await post.a_recipient(f"r{number}@example.com"), token_hash=bytes([number]))
        for number in range(count)
    ]


async def rows(post: Post) -> list[Outbox]:
    found = await post.session.scalars(select(Outbox).where(Outbox.letter == Letter.RECEIPT_READ).order_by(Outbox.once))
    return list(found.all())


@pytest.mark.parametrize(("count", "letters"), [(20, 2), (21, 1)])
async def test_above_twenty_recipients_receipts_are_gathered(post: Post, count: int, letters: int):
    deliveries = await to_many(post, count)
    for delivery in deliveries[:2]:
        await tell_read(post.session, post.rings["portal"], delivery, SENT)
    assert len(await rows(post)) == letters


async def test_ones_own_copy_does_not_make_it_many(post: Post):
    deliveries = await to_many(post, 21)
    deliveries[-1].envelope = Envelope.OWN
    await post.session.flush()
    await tell_read(post.session, post.rings["portal"], deliveries[0], SENT)
    assert (await rows(post))[0].once == f"read/{deliveries[0].id.hex}"


async def test_each_hour_has_one_that_goes_when_it_is_over(post: Post):
    deliveries = await to_many(post, 21)
    times = (HOUR, HOUR + timedelta(hours=1) - SECOND, HOUR + timedelta(hours=1))
    for delivery, at in zip(deliveries[:3], times, strict=True):
        await tell_read(post.session, post.rings["portal"], delivery, at)
    first, second = await rows(post)
    assert (first.due_at - HOUR, second.due_at - HOUR) == (timedelta(hours=1, minutes=1), timedelta(hours=2, minutes=1))
    assert open_payload(post.sync, first) == {"hour": HOUR.isoformat()}


@pytest.mark.parametrize(
    ("left", "is_gathered"), [(timedelta(minutes=61), False), (timedelta(minutes=61, seconds=1), True)]
)
async def test_nothing_waits_beyond_the_end_of_its_message(post: Post, left: timedelta, is_gathered: bool):
    delivery = (await to_many(post, 21))[0]
    delivery.expires_at = HOUR + left
    await tell_read(post.session, post.rings["portal"], delivery, HOUR)
    (row,) = await rows(post)
    assert (row.due_at > HOUR) is is_gathered
