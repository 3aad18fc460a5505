"""Tokens for Graph, by the certificate of our app registration: the only door to msal.

msal is synchronous, so that it runs in a thread; it keeps the token until shortly before its end.
"""

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

import msal
import requests

from graph_sync.errors import Forbidden, Unavailable
from service.settings import SyncSettings

MICROSOFT_HOSTS = frozenset({"login.microsoftonline.com", "login.microsoftonline.us"})
"""Authorities that msal knows: learn.microsoft.com/graph/deployments"""
TIMEOUT_SECONDS = 20
_PASSING = {"temporarily_unavailable", "server_error", "http_error"}


class Tokens:
    """One app, one token at a time."""

    def __init__(self, settings: SyncSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._http = requests.Session()
        self._app: msal.ConfidentialClientApplication | None = None

    def close(self) -> None:
        self._http.close()

    async def get(self) -> str:
        """Return a token that is still good. Raises Unavailable, Forbidden."""
        async with self._lock:
            return await asyncio.to_thread(self._get)

    def _get(self) -> str:
        try:
            if self._app is None:
                self._app = self._new_app()
            result = self._app.acquire_token_for_client(scopes=[self._settings.graph_scope])
        except requests.RequestException as exc:
            raise Unavailable("entra") from exc
        except ValueError as exc:  # what msal raises where the authority's own description cannot be had
            raise Unavailable("entra_discovery") from exc
        if token := result.get("access_token"):
            return str(token)
        code = str(result.get("error") or "no_token")
        raise (Unavailable(code) if code in _PASSING else Forbidden(code))

    def _new_app(self) -> msal.ConfidentialClientApplication:
        settings = self._settings
        http = self._http
        # REQUESTS_CA_BUNDLE would silently override `verify`; with no CA of our own the environment's proxy is honoured
        http.trust_env = settings.ca is None
        if settings.ca is not None:
            http.verify = str(settings.ca)
        key, certificate = _split_pem(settings.certificate)
        return msal.ConfidentialClientApplication(
            settings.client,
            authority=f"{settings.entra_url}/{settings.tenant}",
            client_credential={"private_key": key, "public_certificate": certificate},
            http_client=_Timed(http),
            instance_discovery=None if urlsplit(settings.entra_url).hostname in MICROSOFT_HOSTS else False,
        )


class _Timed:
    """A session whose requests end: msal passes no timeout to a client that is handed in."""

    def __init__(self, http: requests.Session) -> None:
        self._http = http

    def get(self, url: str, **options: object) -> requests.Response:
        return self._http.get(url, **{"timeout": TIMEOUT_SECONDS, **options})  # type: ignore[arg-type]  # msal gives what requests takes

    def post(self, url: str, **options: object) -> requests.Response:
        return self._http.post(url, **{"timeout": TIMEOUT_SECONDS, **options})  # type: ignore[arg-type]  # msal gives what requests takes

    def close(self) -> None:
        self._http.close()


def _split_pem(path: Path) -> tuple[str, str]:
    """Part the file into the private key and the certificate, in whichever order they stand."""
    pem = path.read_text(encoding="ascii")
    blocks = [block + os.linesep for block in pem.split("-----BEGIN ")[1:]]
    keys = ["-----BEGIN " + block for block in blocks if "PRIVATE KEY-----" in block]
    certificates = ["-----BEGIN " + block for block in blocks if block.startswith("CERTIFICATE-----")]
    if len(keys) != 1 or not certificates:
        raise Forbidden("certificate_file")
    return keys[0], "".join(certificates)
