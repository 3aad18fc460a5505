"""The command `safemail`: the roles, and what an administrator does at a prompt."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service import serve
from service.errors import ServiceError
from service.settings import SettingsWrong

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from service.vault.ring import KeyRing

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Secure mail.")
db = typer.Typer(no_args_is_help=True, help="The database.")
keys = typer.Typer(no_args_is_help=True, help="The key ring.")
account = typer.Typer(no_args_is_help=True, help="Recipients' accounts.")
for name, group in (("db", db), ("keys", keys), ("account", account)):
    app.add_typer(group, name=name)

Ring = Annotated[Path, typer.Option("--ring", help="Folder of the key ring, one folder per role in it.")]
DatabaseUrl = Annotated[str, typer.Option("--database", envvar="SAFEMAIL_DATABASE", help="Address of the database.")]


@app.command("portal")
def portal() -> None:
    """Run the portal: the pages that recipients see."""
    _run(serve.run_portal)


@app.command("hook")
def hook() -> None:
    """Run the webhook: takes Graph's notifications, holds no key."""
    _run(serve.run_hook)


@app.command("sync")
def sync() -> None:
    """Run sync: pulls, seals, notifies and sends; listens to nobody."""
    _run(serve.run_sync)


@app.command("serve")
def serve_all() -> None:
    """Run every role on this machine, each as a process with only its own environment."""
    _run(serve.run_all)


@db.command("upgrade")
def db_upgrade(database: DatabaseUrl) -> None:
    """Bring the database to this version's tables."""
    from service.db.upgrade import upgrade

    _run(lambda: upgrade(database))
    typer.echo("The database is up to date.")


@keys.command("init")
def keys_init(ring: Ring) -> None:
    """Make a new key ring. An existing one is never touched."""
    from service.vault.ring import make_ring

    try:
        make_ring(ring, datetime.now(UTC))
    except FileExistsError as exc:
        typer.echo(f"There is a key ring in {ring} already; nothing was changed.", err=True)
        raise typer.Exit(1) from exc
    typer.echo(f"Made a key ring in {ring}. Back it up apart from the database: who has both can read the mail.")


@keys.command("list")
def keys_list(ring: Ring) -> None:
    """List which role holds which key."""
    from service.vault.ring import ROLES, KeyRing

    for role in ROLES:
        typer.echo(f"{role:8} {', '.join(KeyRing(ring / role).names()) or 'no key'}")


Address = Annotated[str, typer.Argument(help="The account's mail address.")]
AdminRing = Annotated[Path, typer.Option("--ring", envvar="SAFEMAIL_KEYS", help="The admin role's folder of the ring.")]


@account.command("unlock")
def account_unlock(address: Address, database: DatabaseUrl, ring: AdminRing) -> None:
    """Unlock an account after too many failed sign-ins."""
    from service.accounts.lock import unlock_account

    if not _on_account(unlock_account, address, database, ring):
        typer.echo("No account with that address.", err=True)
        raise typer.Exit(1)
    typer.echo("Unlocked.")


@account.command("codes-off")
def account_codes_off(address: Address, database: DatabaseUrl, ring: AdminRing) -> None:
    """Turn off the codes of an account whose owner lost the app and all recovery codes. Its owner is told by mail."""
    from service.accounts.lock import turn_codes_off

    if not _on_account(turn_codes_off, address, database, ring):
        typer.echo("No account with that address asks for codes.", err=True)
        raise typer.Exit(1)
    typer.echo("Codes are off. The password works alone; all browsers were signed out.")


def _on_account(
    work: "Callable[[AsyncSession, KeyRing, str, datetime], Awaitable[bool]]", address: str, database: str, ring: Path
) -> bool:
    async def within() -> bool:
        from service.db.engine import Database
        from service.vault.ring import KeyRing

        base = Database(database)
        try:
            async with base.writing() as session:
                return await work(session, KeyRing(ring), address, datetime.now(UTC))
        finally:
            await base.close()

    return bool(_run(within))


def _run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    try:
        return asyncio.run(work())
    except (SettingsWrong, ServiceError) as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(1) from exc
    except KeyboardInterrupt:
        sys.exit(130)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
