"""An account that was switched off comes back: after the mailed code a new password, then straight to the message."""

from quart import g, redirect, render_template, request
from quart.typing import ResponseReturnValue

from service.accounts.factors.second_step import NeedsCode
from service.accounts.passwords import Person
from service.accounts.registering import Flow
from service.accounts.returning import NewPassword, get_switched_off, switch_on
from service.db.tables import Account
from service.portal.cookies import drop_cookie
from service.portal.doors.blueprint import doors
from service.portal.doors.flow import PASSWORD_PAGE, current_flow, lock_flow, page_of
from service.portal.doors.new_password import new_password_errors, person_of, typed_hint
from service.portal.doors.sign_in import ask_for_code, browser, come_in
from service.portal.doors.waiting import waiting_of
from service.portal.session import csrf_ok, keeps_what_was_typed
from service.portal.state import portal


@doors.get(PASSWORD_PAGE)
async def returning() -> ResponseReturnValue:
    flow = await current_flow()
    account = await _switched_off(flow)
    if flow is None or account is None:
        return redirect(await page_of(flow), 303)
    return await _form(flow, await person_of(account, flow.delivery.recipient), {}, "")


@doors.post(PASSWORD_PAGE)
@keeps_what_was_typed
async def returning_post() -> ResponseReturnValue:
    form = await request.form
    state = portal()
    flow = await current_flow()
    account = await _switched_off(flow)
    if flow is None or account is None:
        return redirect(await page_of(flow), 303)
    person, hint = await person_of(account, flow.delivery.recipient), typed_hint(form)
    if not csrf_ok(form):
        return await _form(flow, person, {}, hint, stale=True), 400
    if errors := await new_password_errors(person, account, form, hint):
        return await _form(flow, person, errors, hint), 422
    stored = await state.hashing.hash(form["password"], account.id)
    new = NewPassword(stored, hint, request.cookies.get(state.cookies.device, ""), browser())
    async with state.db.writing() as session:
        flow = await lock_flow(session)
        came = await switch_on(session, state.ring, flow, new, g.now) if flow is not None else None
    if flow is None or came is None:
        return redirect(await page_of(flow), 303)
    if isinstance(came, NeedsCode):
        drop_cookie(state.cookies.flow)
        return ask_for_code(came)
    come_in(came)
    return redirect(f"/m/{flow.delivery.id.hex}", 303)


async def _switched_off(flow: Flow | None) -> Account | None:
    if flow is None:
        return None
    async with portal().db.reading() as session:
        return await get_switched_off(session, flow)


async def _form(flow: Flow, person: Person, errors: dict[str, str], hint: str, *, stale: bool = False) -> str:
    note = await waiting_of(flow.delivery)
    return await render_template(
        "doors/returning.html", note=note, person=person, errors=errors, hint=hint, stale=stale
    )
