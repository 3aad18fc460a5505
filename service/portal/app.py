"""The portal's app: what strangers and recipients reach."""

from collections.abc import Callable
from datetime import datetime

from quart import Quart, g

from service.accounts.hashing import HashGate
from service.blobs import Blobs
from service.db.engine import Database
from service.letters.branding import Branding
from service.portal import cookies, errors, headers, language, session
from service.portal.assets import read_assets
from service.portal.cookies import Cookies
from service.portal.dates import lasting, size
from service.portal.doors.blueprint import doors
from service.portal.help import blueprint as help_centre
from service.portal.mailbox import blueprint as mailbox
from service.portal.preferences import blueprint as preferences
from service.portal.session import KeptKeys, csrf_token, seconds_left, way_back
from service.portal.state import EXTENSION, Portal, cost_of, wall_clock
from service.portal.uploads import FORM_BYTES, Gate
from service.settings import PortalSettings
from service.vault.ring import KeyRing


def create_app(
    settings: PortalSettings,
    db: Database,
    blobs: Blobs,
    ring: KeyRing,
    clock: Callable[[], datetime] = wall_clock,
) -> Quart:
    """Make the app. It opens nothing until a request comes. Raises Broken where the assets are not built."""
    app = Quart(__name__, static_folder=None)
    state = Portal(
        settings=settings,
        db=db,
        blobs=blobs,
        ring=ring,
        clock=clock,
        cookies=Cookies.of(settings),
        brand=Branding.of(settings),
        keys=KeptKeys(),
        hashing=HashGate(ring, cost_of(settings)),
    )
    app.extensions[EXTENSION] = state
    app.config["MAX_CONTENT_LENGTH"] = None  # the gate counts, declared or not
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES
    app.url_map.merge_slashes = False  # no address of ours is sent on to another spelling
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    headers.guard(app, settings.portal_host_port)
    cookies.set_up(app, secure=state.cookies.secure)
    session.set_up(app, state)
    language.set_up(app, secure=state.cookies.secure)
    _set_up_templates(app, state)
    errors.set_up(app)
    app.register_blueprint(doors)
    app.register_blueprint(mailbox)
    app.register_blueprint(preferences)
    app.register_blueprint(help_centre)
    app.asgi_app = Gate(app.asgi_app, settings.message_bytes)  # type: ignore[method-assign]  # Quart's way to put something in front
    return app


def _set_up_templates(app: Quart, state: Portal) -> None:
    assets = read_assets()
    app.extensions["safemail.assets"] = assets
    app.jinja_env.globals |= {
        "asset": assets.url,
        "icon_url": assets.icon_url,
        "size": size,
        "settings": state.settings,
        "brand": state.brand,
        "rules": state.rules,
        "lasting": lasting,
        "scheme": "http" if state.settings.is_plain_http else "https",
    }

    @app.context_processor
    async def about_request() -> dict[str, object]:
        return {
            "reader": getattr(g, "reader", None),
            "times": getattr(g, "times", None),
            "csrf": csrf_token,
            "seconds_left": seconds_left,
            "way_back": way_back,
        }
