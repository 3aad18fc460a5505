"""Our cookies. Over plain http (localhost only) they go without `__Host-` and `Secure`, or no client returned them."""

from dataclasses import dataclass

from quart import Quart, Response, g, request

from service.settings import PortalSettings


@dataclass(frozen=True, slots=True)
class Cookies:
    """Names of the cookies, all HttpOnly and SameSite=Lax."""

    session: str
    pre: str
    """Random, before sign-in: what forms are bound to."""
    flow: str
    """Which registration this browser is in."""
    link: str
    """The link that was opened, for an hour."""
    reset: str
    """The link to a new password that was opened, for as long as it can work."""
    step: str
    """What this browser is asked next, for minutes: the second step of a sign-in, or an app to be confirmed."""
    passkey: str
    """The challenge that a passkey is asked to sign, beside the step: who cancels goes on with that."""
    device: str
    """This browser signed in before."""
    next: str
    """Where one wanted to go: a path of ours."""
    secure: bool

    @classmethod
    def of(cls, settings: PortalSettings) -> "Cookies":
        secure = not settings.is_plain_http
        prefix = "__Host-" if secure else ""
        return cls(
            session=f"{prefix}safemail",
            pre=f"{prefix}safemail-pre",
            flow=f"{prefix}safemail-flow",
            link=f"{prefix}safemail-link",
            reset=f"{prefix}safemail-reset",
            step=f"{prefix}safemail-step",
            passkey=f"{prefix}safemail-passkey",
            device=f"{prefix}safemail-device",
            next=f"{prefix}safemail-next",
            secure=secure,
        )


def keep_cookie(name: str, value: str, seconds: int | None = None) -> None:
    """Set a cookie with this answer; without `seconds` it goes when the browser is closed."""
    g.cookies[name] = (value, seconds)


def drop_cookie(name: str) -> None:
    """Forget a cookie, where the browser has one."""
    if name in request.cookies or name in g.cookies:
        g.cookies[name] = ("", 0)


def set_up(app: Quart, *, secure: bool) -> None:
    @app.before_request
    async def start() -> None:
        g.cookies = {}

    @app.after_request
    async def write(response: Response) -> Response:
        for name, (value, seconds) in getattr(g, "cookies", {}).items():
            response.set_cookie(name, value, max_age=seconds, secure=secure, httponly=True, samesite="Lax", path="/")
        return response
