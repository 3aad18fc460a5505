"""The link of a notice: which message it names. It opens nothing and proves nothing."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from service.core.states import AccountState
from service.db.tables import Account, Delivery, Recipient
from service.vault.tokens import TOKEN_LONGEST, hash_token


async def get_by_link(session: AsyncSession, token: str, now: datetime) -> Delivery | None:
    """Find a link's living delivery, with its message and its recipient. Never was, revoked and expired are `None`."""
    if not token or len(token) > TOKEN_LONGEST:
        return None
    return (
        await session.scalars(
            select(Delivery)
            .join(Delivery.message)
            .join(Delivery.recipient)
            .options(contains_eager(Delivery.message), contains_eager(Delivery.recipient))
            .where(
                Delivery.token_hash == hash_token(token),
                Delivery.expires_at > now,
                Delivery.revoked_at.is_(None),
                Recipient.ended_at.is_(None),
            )
        )
    ).one_or_none()


async def account_state(session: AsyncSession, delivery: Delivery) -> AccountState | None:
    """Return what state the account of a delivery's address is in; None where it has none."""
    return await session.scalar(select(Account.state).where(Account.id == delivery.recipient_id))
