"""Entra: discovery, keys, tokens for the app (certificate assertion), and sign-in of people by authorization code."""

import base64
import hashlib
import json
import secrets
import uuid
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import hashes
from quart import Blueprint, Response, redirect, request
from quart.typing import ResponseReturnValue

from emulator.exchange.mailbox import Mailbox
from emulator.tenant import Tenant

GRAPH = "https://graph.microsoft.com"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY_ID = "emulator-1"
CODE_LIFE = timedelta(minutes=10)
SKEW = timedelta(minutes=5)


class EntraError(Exception):
    """An answer in Entra's form: status, OAuth error, AADSTS number and text."""

    def __init__(self, error: str, number: int, text: str, status: int = 400) -> None:
        super().__init__(f"AADSTS{number}: {text}")
        self.error, self.number, self.status = error, number, status


def blueprint(tenant: Tenant) -> Blueprint:
    """Build the login server's pages."""
    entra = Blueprint("entra", __name__)

    @entra.get("/<name>/v2.0/.well-known/openid-configuration")
    async def discovery(name: str) -> ResponseReturnValue:
        _own(tenant, name)
        base = _base(tenant)
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "tid", "oid", "name", "roles"],
            "tenant_region_scope": "NA",
            "cloud_instance_name": "emulator",
        }

    @entra.get("/<name>/discovery/v2.0/keys")
    async def keys(name: str) -> ResponseReturnValue:
        _own(tenant, name)
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(tenant.signing_key.public_key()))
        return {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256", "key_ops": ["verify"]}]}

    @entra.post("/<name>/oauth2/v2.0/token")
    async def token(name: str) -> ResponseReturnValue:
        _own(tenant, name)
        form = await request.form
        _verify_client(tenant, form)
        if form.get("grant_type") == "client_credentials":
            return _app_token(tenant, form.get("scope", ""))
        if form.get("grant_type") == "authorization_code":
            return _person_tokens(tenant, form)
        raise EntraError("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")

    @entra.get("/<name>/oauth2/v2.0/authorize")
    async def authorize(name: str) -> ResponseReturnValue:
        _own(tenant, name)
        _check_authorize(tenant)
        return Response(_pick_page(tenant), content_type="text/html; charset=utf-8")

    @entra.post("/<name>/oauth2/v2.0/authorize")
    async def picked(name: str) -> ResponseReturnValue:
        _own(tenant, name)
        _check_authorize(tenant)
        form = await request.form
        mailbox = tenant.exchange.user(form.get("address", ""))
        if mailbox is None:
            raise EntraError("access_denied", 50105, "The signed in user is not assigned to a role.", 403)
        code = secrets.token_urlsafe(32)
        given = request.args
        tenant.codes[code] = {
            "address": mailbox.address,
            "nonce": given.get("nonce", ""),
            "challenge": given.get("code_challenge", ""),
            "redirect_uri": given["redirect_uri"],
            "until": (tenant.clock() + CODE_LIFE).isoformat(),
        }
        back = {"code": code, "state": given.get("state", ""), "session_state": str(uuid.uuid4())}
        return redirect(f"{given['redirect_uri']}?{urlencode(back)}", 302)

    @entra.get("/<name>/oauth2/v2.0/logout")
    async def sign_out(name: str) -> ResponseReturnValue:
        _own(tenant, name)
        return Response("You are signed out.", content_type="text/plain; charset=utf-8")

    @entra.errorhandler(EntraError)
    async def refused(exc: EntraError) -> ResponseReturnValue:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        now = tenant.clock().strftime("%Y-%m-%d %H:%M:%SZ")
        text = f"{exc} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
        answer = {
            "error": exc.error,
            "error_description": text,
            "error_codes": [exc.number],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{tenant.url}/error?code={exc.number}",
        }
        return answer, exc.status

    return entra


def verify_bearer(tenant: Tenant, token: str) -> dict[str, Any]:
    """Verify a token for Graph. Raises jwt.PyJWTError."""
    claims: dict[str, Any] = jwt.decode(
        token,
        tenant.signing_key.public_key(),
        algorithms=["RS256"],
        audience=GRAPH,
        options={
            "require": ["exp", "iat", "aud", "appid"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )
    if claims["exp"] <= tenant.clock().timestamp():
        raise jwt.ExpiredSignatureError("Lifetime validation failed, the token is expired.")
    return claims


def _own(tenant: Tenant, name: str) -> None:
    if name not in {tenant.tenant_id, "ct.gov", "organizations"}:
        raise EntraError("invalid_tenant", 90002, f"Tenant '{name}' not found.")


def _base(tenant: Tenant) -> str:
    return f"{tenant.url or request.host_url.rstrip('/')}/{tenant.tenant_id}"


def _verify_client(tenant: Tenant, form: Any) -> None:
    if form.get("client_id") != tenant.client_id:
        raise EntraError("unauthorized_client", 700016, "Application with this identifier was not found.")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise EntraError("invalid_client", 7000218, "The request body must contain client_assertion.", 401)
    assertion = form["client_assertion"]
    try:
        header = jwt.get_unverified_header(assertion)
        certificate = _certificate(tenant, header)
        claims = jwt.decode(
            assertion,
            certificate.public_key(),
            algorithms=["PS256"] if "x5t#S256" in header else ["RS256"],
            audience=f"{_base(tenant)}/oauth2/v2.0/token",
            issuer=tenant.client_id,
            options={"require": ["exp", "aud", "iss", "sub", "jti"], "verify_exp": False, "verify_nbf": False},
        )
    except jwt.InvalidAudienceError as exc:
        raise EntraError("invalid_client", 700023, "Client assertion audience claim does not match.", 401) from exc
    except jwt.PyJWTError as exc:
        raise EntraError("invalid_client", 700027, "The certificate or assertion is not valid.", 401) from exc
    now = tenant.clock().timestamp()
    if claims["sub"] != tenant.client_id:
        raise EntraError("invalid_client", 700021, "Client assertion subject does not match.", 401)
    if claims["exp"] <= now or claims.get("nbf", now) > now + SKEW.total_seconds():
        raise EntraError("invalid_client", 700024, "Client assertion is not within its valid time range.", 401)
    if tenant.world.assertions_once and tenant.seen_assertions.get(claims["jti"], 0) > now:
        raise EntraError("invalid_client", 7000277, "Client assertion was used before.", 401)
    tenant.seen_assertions = {jti: until for jti, until in tenant.seen_assertions.items() if until > now}
    tenant.seen_assertions[claims["jti"]] = claims["exp"]


def _certificate(tenant: Tenant, header: dict[str, Any]) -> Any:
    """Find the registered certificate that the assertion's header names."""
    named = str(header.get("x5t#S256") or header.get("x5t") or "").rstrip("=")
    algorithm = hashes.SHA256() if "x5t#S256" in header else hashes.SHA1()  # noqa: S303 - x5t is SHA-1, RFC 7515
    for one in tenant.app.certificates:
        if base64.urlsafe_b64encode(one.fingerprint(algorithm)).decode().rstrip("=") == named:
            return one
    raise EntraError("invalid_client", 700027, "The certificate with this thumbprint is not registered.", 401)


def _sign(tenant: Tenant, claims: dict[str, Any]) -> str:
    now = int(tenant.clock().timestamp())
    life = int(tenant.token_life.total_seconds())
    times = {"iat": now, "nbf": now, "exp": now + life}
    return jwt.encode({**times, **claims}, tenant.signing_key, algorithm="RS256", headers={"kid": KEY_ID, "typ": "JWT"})


def _app_token(tenant: Tenant, scope: str) -> dict[str, Any]:
    if not scope.endswith("/.default") or " " in scope.strip():
        raise EntraError("invalid_scope", 1002012, "The provided value for scope is not valid.")
    token = _sign(
        tenant,
        {
            "aud": scope.removesuffix("/.default"),
            "iss": f"https://sts.windows.net/{tenant.tenant_id}/",
            "appid": tenant.client_id,
            "tid": tenant.tenant_id,
            "idtyp": "app",
            "roles": sorted(tenant.app.permissions),
            "ver": "1.0",
            "uti": secrets.token_urlsafe(12),
        },
    )
    life = int(tenant.token_life.total_seconds())
    return {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token}


def _check_authorize(tenant: Tenant) -> None:
    given = request.args
    if given.get("client_id") != tenant.client_id:
        raise EntraError("unauthorized_client", 700016, "Application with this identifier was not found.")
    if urlsplit(given.get("redirect_uri", "")).hostname not in tenant.app.redirect_hosts:
        raise EntraError("invalid_request", 50011, "The redirect URI does not match those of the application.")
    if given.get("response_type") != "code" or given.get("response_mode", "query") != "query":
        raise EntraError("unsupported_response_type", 700054, "Only code by query is known here.")
    if not given.get("code_challenge") or given.get("code_challenge_method") != "S256":
        raise EntraError("invalid_request", 501481, "A code challenge is required.")


def _pick_page(tenant: Tenant) -> str:
    people = [one for one in tenant.exchange.mailboxes.values() if not one.in_app_scope]
    rows = "".join(
        f'<li><button name="address" value="{escape(one.address, quote=True)}">{escape(one.name)} '
        f"({escape(_roles(tenant, one) or 'no role')})</button></li>"
        for one in people
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pick an account</title>'
        f'<h1>Pick an account</h1><form method="post"><ul>{rows}</ul></form></html>'
    )


def _roles(tenant: Tenant, one: Mailbox) -> str:
    return ", ".join(sorted(tenant.app.app_roles.get(one.address.lower(), set())))


def _person_tokens(tenant: Tenant, form: Any) -> dict[str, Any]:
    found = tenant.codes.pop(form.get("code", ""), None)
    if found is None or found["until"] <= tenant.clock().isoformat():
        raise EntraError("invalid_grant", 70008, "The authorization code has expired or was used before.")
    if found["redirect_uri"] != form.get("redirect_uri"):
        raise EntraError("invalid_grant", 50011, "The redirect URI is not the one of the authorization request.")
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != found["challenge"]:
        raise EntraError("invalid_grant", 501481, "The code verifier does not match the code challenge.")
    mailbox = tenant.exchange.mailboxes[found["address"].lower()]
    life = int(tenant.token_life.total_seconds())
    client_info = base64.urlsafe_b64encode(json.dumps({"uid": mailbox.user_id, "utid": tenant.tenant_id}).encode())
    return {
        "token_type": "Bearer",
        "scope": "openid profile email",
        "expires_in": life,
        "ext_expires_in": life,
        "access_token": _sign(tenant, {"aud": f"{GRAPH}/person", "sub": mailbox.user_id}),
        "id_token": _sign(tenant, _identity(tenant, mailbox, found["nonce"])),
        "client_info": client_info.decode().rstrip("="),
    }


def _identity(tenant: Tenant, mailbox: Mailbox, nonce: str) -> dict[str, Any]:
    claims = {
        "aud": tenant.client_id,
        "iss": f"{_base(tenant)}/v2.0",
        "name": mailbox.name,
        "nonce": nonce,
        "oid": mailbox.user_id,
        "preferred_username": mailbox.address,
        "email": mailbox.address,
        "sub": hashlib.sha256(mailbox.user_id.encode()).hexdigest()[:43],
        "tid": tenant.tenant_id,
        "ver": "2.0",
    }
    roles = sorted(tenant.app.app_roles.get(mailbox.address.lower(), set()))
    return {**claims, "roles": roles} if roles else claims
