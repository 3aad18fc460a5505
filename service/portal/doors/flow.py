"""A browser's flow: link, mailed code, and what comes after the code for an address in its state."""

from quart import g, request
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.links import account_state
from service.accounts.registering import Flow, get_flow
from service.core.states import AccountState
from service.portal.state import portal

CODE_PAGE, FORM_PAGE, PASSWORD_PAGE = "/register/code", "/register", "/register/password"


async def current_flow() -> Flow | None:
    state = portal()
    async with state.db.reading() as session:
        return await get_flow(session, state.ring, _token(), g.now)


async def lock_flow(session: AsyncSession) -> Flow | None:
    return await get_flow(session, portal().ring, _token(), g.now, for_update=True)


async def page_of(flow: Flow | None) -> str:
    """Return the page on which a flow goes on."""
    if flow is None:
        return "/waiting"
    if flow.code.proven_at is None:
        return CODE_PAGE
    async with portal().db.reading() as session:
        found = await account_state(session, flow.delivery)
    if found is AccountState.DISABLED:
        return PASSWORD_PAGE
    return FORM_PAGE if found in {None, AccountState.GUEST} else "/sign-in"


def _token() -> str:
    return request.cookies.get(portal().cookies.flow, "")
