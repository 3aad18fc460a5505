"""What every answer carries, and which hosts we answer to. Values after OWASP's Secure Headers and ASVS 5.0, V3."""

from quart import Quart, Response, abort, request

OWN_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), "
        "publickey-credentials-get=(self), publickey-credentials-create=(self)"
    ),
}
UNLESS_SET = {
    "Content-Security-Policy": OWN_PAGES,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}
"""A page may set its own: the body frame, downloads, hashed assets."""


def guard(app: Quart, host: str) -> None:
    """Answer to `host` (with its port, as links spell it) only, and put the headers on everything."""

    @app.before_request
    async def check_host() -> None:
        if request.headers.get("Host", "").lower() != host.lower():
            abort(400, "host")

    @app.after_request
    async def put_headers(response: Response) -> Response:
        for name, value in ALWAYS.items():
            response.headers[name] = value
        for name, value in UNLESS_SET.items():
            response.headers.setdefault(name, value)
        response.headers.pop("Server", None)
        return response
