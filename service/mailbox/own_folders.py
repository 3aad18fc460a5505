"""A reader's own folders: made, renamed, deleted, filled. Their names are sealed to the reader."""

import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.core.states import Folder
from service.core.text import one_line
from service.db.tables import Delivery, OwnFolder, Recipient
from service.errors import Refused
from service.mailbox.deliveries import Count, living
from service.mailbox.filing import FILED_MOST
from service.vault.people import RecipientKey, seal_to_recipient
from service.vault.ring import KeyRing

FOLDERS_MOST = 200
NAME_CHARACTERS = 60


class BadName(Refused):
    """A folder's name has 1 to 60 characters."""


class NameTaken(Refused):
    """There is a folder with this name, without regard to letter case."""


class TooManyFolders(Refused):
    """A reader has at most 200 folders."""


@dataclass(frozen=True, slots=True)
class Named:
    """A folder with its opened name, and what lies in it."""

    id: uuid.UUID
    name: str
    count: Count


def tidy_name(text: str) -> str:
    """Return a name as it is kept. Raises BadName."""
    name = " ".join(one_line(unicodedata.normalize("NFC", text[: 8 * NAME_CHARACTERS])).split())
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise BadName
    return name


async def list_own(
    session: AsyncSession, key: RecipientKey, recipient_id: uuid.UUID, counts: Mapping[uuid.UUID, Count]
) -> list[Named]:
    """Read a reader's folders by name, with what was counted in them."""
    rows = await session.scalars(select(OwnFolder).where(OwnFolder.recipient_id == recipient_id))
    found = [Named(row.id, _open_name(key, row), counts.get(row.id, Count())) for row in rows]
    return sorted(found, key=lambda one: (one.name.casefold(), one.id))


async def add_folder(
    session: AsyncSession, ring: KeyRing, recipient_id: uuid.UUID, text: str, now: datetime
) -> uuid.UUID:
    """Make a folder. Raises BadName, NameTaken, TooManyFolders."""
    name = tidy_name(text)
    # the row is locked, so that two windows at once do not make one too many
    recipient = await session.get(Recipient, recipient_id, with_for_update=True)
    if recipient is None or recipient.ended_at is not None:  # closed their account in another window
        raise Refused
    have = await session.scalar(select(func.count()).where(OwnFolder.recipient_id == recipient_id)) or 0
    if have >= FOLDERS_MOST:
        raise TooManyFolders
    folder_id = uuid.uuid4()
    await _refuse_taken(session, ring, recipient_id, name, folder_id)
    session.add(
        OwnFolder(
            id=folder_id,
            recipient_id=recipient_id,
            name=_seal_name(recipient, folder_id, name),
            name_index=_index(ring, recipient_id, name),
            created_at=now,
        )
    )
    await _flush(session)
    return folder_id


async def rename_folder(
    session: AsyncSession, ring: KeyRing, recipient_id: uuid.UUID, folder_id: uuid.UUID, text: str
) -> bool:
    """Give a folder another name; say False where it is not the reader's. Raises BadName, NameTaken."""
    row = await _own(session, recipient_id, folder_id)
    if row is None:
        return False
    name = tidy_name(text)
    await _refuse_taken(session, ring, recipient_id, name, folder_id)
    recipient = await session.get(Recipient, recipient_id)
    assert recipient is not None
    row.name = _seal_name(recipient, folder_id, name)
    row.name_index = _index(ring, recipient_id, name)
    await _flush(session)
    return True


async def delete_folder(session: AsyncSession, recipient_id: uuid.UUID, folder_id: uuid.UUID) -> bool:
    """Take a folder away; what lies in it goes back to where it came from. Say False where it is not the reader's."""
    if await _own(session, recipient_id, folder_id) is None:
        return False
    await session.execute(
        update(Delivery)
        .where(Delivery.recipient_id == recipient_id, Delivery.own_folder_id == folder_id)
        .values(own_folder_id=None)
        .execution_options(synchronize_session=False)
    )
    await session.execute(delete(OwnFolder).where(OwnFolder.id == folder_id, OwnFolder.recipient_id == recipient_id))
    return True


async def move_messages(
    session: AsyncSession, recipient_id: uuid.UUID, ids: Sequence[uuid.UUID], to: uuid.UUID | None, now: datetime
) -> list[uuid.UUID] | None:
    """Put messages into a folder, or (`to` is None) back to where they came from; return which were moved.

    None where the folder is not the reader's.
    """
    if to is not None and await _own(session, recipient_id, to, is_locked=True) is None:
        return None
    statement = (
        update(Delivery)
        .where(
            *living(recipient_id, now),
            Delivery.id.in_(ids[:FILED_MOST]),
            Delivery.folder.in_([Folder.INBOX, Folder.SENT]),
            Delivery.own_folder_id.is_distinct_from(to),
        )
        .values(own_folder_id=to)
        .returning(Delivery.id)
    )
    return list(await session.scalars(statement.execution_options(synchronize_session=False)))


async def count_moved(
    session: AsyncSession, recipient_id: uuid.UUID, ids: Sequence[uuid.UUID], to: uuid.UUID | None, now: datetime
) -> int:
    """Count those that lie there now."""
    query = select(func.count()).where(
        *living(recipient_id, now),
        Delivery.id.in_(ids[:FILED_MOST]),
        Delivery.folder != Folder.DELETED,
        Delivery.own_folder_id.is_not_distinct_from(to),
    )
    return await session.scalar(query) or 0


async def _own(
    session: AsyncSession, recipient_id: uuid.UUID, folder_id: uuid.UUID, *, is_locked: bool = False
) -> OwnFolder | None:
    query = select(OwnFolder).where(OwnFolder.id == folder_id, OwnFolder.recipient_id == recipient_id)
    return (await session.scalars(query.with_for_update(key_share=is_locked))).one_or_none()


async def _refuse_taken(
    session: AsyncSession, ring: KeyRing, recipient_id: uuid.UUID, name: str, but: uuid.UUID
) -> None:
    taken = await session.scalar(
        select(OwnFolder.id).where(
            OwnFolder.recipient_id == recipient_id,
            OwnFolder.name_index == _index(ring, recipient_id, name),
            OwnFolder.id != but,
        )
    )
    if taken is not None:
        raise NameTaken


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as exc:  # two windows at once
        raise NameTaken from exc


def _index(ring: KeyRing, recipient_id: uuid.UUID, name: str) -> bytes:
    same = unicodedata.normalize("NFKC", name).casefold()
    return ring.digest("index", "folder-name", f"{recipient_id.hex}/{same}")


def _seal_name(recipient: Recipient, folder_id: uuid.UUID, name: str) -> bytes:
    return seal_to_recipient(recipient.public_key, f"folder/{folder_id.hex}", name.encode())


def _open_name(key: RecipientKey, row: OwnFolder) -> str:
    return key.open(f"folder/{row.id.hex}", row.name).decode("utf-8", "replace")
