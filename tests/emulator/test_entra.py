"""Tokens: with the real msal, and refused where the assertion is not what it should be."""

import asyncio
import base64
import ssl
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from emulator.ca import make_client_certificate, read_certificate
from emulator.entra import ASSERTION_TYPE
from emulator.tenant import Tenant
from tests.emulator.conftest import ALICE, INTAKE, acquire


async def test_msal_gets_a_token_that_graph_takes(graph: httpx.AsyncClient):
    answer = await graph.get(f"/users/{INTAKE}/mailFolders/inbox")
    assert answer.status_code == 200
    assert answer.json()["displayName"] == "Inbox"


async def test_keys_published_verify_the_token(microsoft: Tenant, certificates: Path):
    found = await asyncio.to_thread(acquire, microsoft, certificates)
    context = ssl.create_default_context(cafile=microsoft.ca_file)
    client = jwt.PyJWKClient(f"{microsoft.url}/{microsoft.tenant_id}/discovery/v2.0/keys", ssl_context=context)
    key = await asyncio.to_thread(client.get_signing_key_from_jwt, found["access_token"])
    claims = jwt.decode(found["access_token"], key, algorithms=["RS256"], audience="https://graph.microsoft.com")
    assert claims["appid"] == microsoft.client_id
    assert claims["tid"] == microsoft.tenant_id
    assert found["expires_in"] == 3600


async def test_thumbprint_only_assertion_is_taken(microsoft: Tenant, certificates: Path):
    answer = await ask(microsoft, assertion(microsoft, certificates, algorithm="RS256"))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"aud": "https://elsewhere.example/token"}, 700023),
        ({"exp": time.time() - 10}, 700024),
        ({"nbf": time.time() + 3600}, 700024),
        ({"sub": "somebody else"}, 700021),
        ({"iss": "somebody else"}, 700027),
    ],
)
async def test_wrong_claims_are_refused(microsoft: Tenant, certificates: Path, changed: dict[str, Any], number: int):
    answer = await ask(microsoft, assertion(microsoft, certificates, **changed))
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.json()["error_codes"] == [number]
    assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")


async def test_assertion_used_twice_is_refused_in_the_strict_world(microsoft: Tenant, certificates: Path):
    once = assertion(microsoft, certificates)
    assert (await ask(microsoft, once)).status_code == 200
    assert (await ask(microsoft, once)).status_code == 200  # msal does so for nine minutes
    microsoft.world.assertions_once = True
    assert (await ask(microsoft, once)).json()["error_codes"] == [7000277]


async def test_certificate_of_a_stranger_is_refused(microsoft: Tenant, tmp_path: Path):
    make_client_certificate(tmp_path)
    answer = await ask(microsoft, assertion(microsoft, tmp_path))
    assert answer.json()["error_codes"] == [700027]


async def test_stranger_who_names_our_certificate_is_refused(microsoft: Tenant, certificates: Path, tmp_path: Path):
    make_client_certificate(tmp_path)
    ours = read_certificate((certificates / "app.pem").read_bytes())
    answer = await ask(microsoft, assertion(microsoft, tmp_path, named=ours))
    assert answer.json()["error_codes"] == [700027]


async def test_unknown_app_scope_and_grant_are_refused(microsoft: Tenant, certificates: Path):
    for changed, error in (
        ({"client_id": "nobody"}, "unauthorized_client"),
        ({"scope": "Mail.Read"}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ):
        answer = await ask(microsoft, assertion(microsoft, certificates), **changed)
        assert answer.status_code == 400
        assert answer.json()["error"] == error


async def test_expired_token_is_refused_by_graph(microsoft: Tenant, certificates: Path):
    microsoft.token_life = timedelta(seconds=1)
    token = (await ask(microsoft, assertion(microsoft, certificates))).json()["access_token"]
    url, bearer = f"{microsoft.url}/v1.0/users/{INTAKE}/mailFolders", {"Authorization": f"Bearer {token}"}
    async with client(microsoft) as http:
        assert (await http.get(url, headers=bearer)).status_code == 200
        await asyncio.sleep(1.1)
        late = await http.get(url, headers=bearer)
    assert late.status_code == 401
    assert late.json()["error"]["code"] == "InvalidAuthenticationToken"


async def test_no_token_and_a_forged_token_are_refused(microsoft: Tenant):
    forged = jwt.encode({"aud": "https://graph.microsoft.com"}, "x" * 32, algorithm="HS256")
    async with client(microsoft) as http:
        for headers in ({}, {"Authorization": f"Bearer {forged}"}):
            answer = await http.get(f"{microsoft.url}/v1.0/users/{INTAKE}/messages", headers=headers)
            assert answer.status_code == 401


def client(tenant: Tenant) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=ssl.create_default_context(cafile=tenant.ca_file), trust_env=False)


async def ask(tenant: Tenant, signed: str, **changed: str) -> httpx.Response:
    form = {
        "client_id": tenant.client_id,
        "grant_type": "client_credentials",
        "scope": "https://graph.microsoft.com/.default",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
    }
    async with client(tenant) as http:
        return await http.post(f"{tenant.url}/{tenant.tenant_id}/oauth2/v2.0/token", data=form | changed)


def assertion(
    tenant: Tenant, folder: Path, *, algorithm: str = "PS256", named: x509.Certificate | None = None, **changed: object
) -> str:
    pem = (folder / "app.pem").read_bytes()
    certificate = named or read_certificate(pem)
    digest = hashes.SHA256() if algorithm == "PS256" else hashes.SHA1()
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(digest)).decode()
    now = time.time()
    claims = {
        "aud": f"{tenant.url}/{tenant.tenant_id}/oauth2/v2.0/token",
        "iss": tenant.client_id,
        "sub": tenant.client_id,
        "exp": now + 600,
        "nbf": now - 5,
        "jti": str(uuid.uuid4()),
        **changed,
    }
    header = {"x5t#S256" if algorithm == "PS256" else "x5t": thumbprint}
    return jwt.encode(claims, pem[: pem.index(b"-----BEGIN CERT")], algorithm=algorithm, headers=header)


def confidential(tenant: Tenant, certificates: Path, session: requests.Session) -> msal.ConfidentialClientApplication:
    pem = (certificates / "app.pem").read_text()
    return msal.ConfidentialClientApplication(
        tenant.client_id,
        authority=f"{tenant.url}/{tenant.tenant_id}",
        instance_discovery=False,
        http_client=session,
        client_credential={"private_key": pem, "public_certificate": pem[pem.index("-----BEGIN CERT") :]},
    )


async def test_person_signs_in_with_their_roles(microsoft: Tenant, certificates: Path):
    microsoft.app.app_roles[ALICE] = {"Safemail.Admin", "Safemail.HelpDesk"}
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(microsoft.ca_file)
        app = await asyncio.to_thread(confidential, microsoft, certificates, session)
        with pytest.warns(UserWarning, match="form_post"):  # needs a cookie that we do not want
            flow = app.initiate_auth_code_flow([], redirect_uri="http://localhost:8402/admin/back")
        async with client(microsoft) as http:
            page = await http.get(flow["auth_uri"])
            assert "Alice Ames (Safemail.Admin, Safemail.HelpDesk)" in page.text
            back = await http.post(flow["auth_uri"], data={"address": ALICE})
        assert back.status_code == 302
        given = dict(parse_qsl(urlsplit(back.headers["Location"]).query))
        found = await asyncio.to_thread(app.acquire_token_by_auth_code_flow, flow, given)
        assert found["id_token_claims"]["roles"] == ["Safemail.Admin", "Safemail.HelpDesk"]
        assert found["id_token_claims"]["preferred_username"] == ALICE
        again = await asyncio.to_thread(app.acquire_token_by_auth_code_flow, flow, given)
        assert again["error"] == "invalid_grant"
    claims = jwt.decode(
        found["id_token"], microsoft.signing_key.public_key(), algorithms=["RS256"], audience=microsoft.client_id
    )
    assert claims["iss"] == f"{microsoft.url}/{microsoft.tenant_id}/v2.0"


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"redirect_uri": "https://evil.example/"}, 50011),
        ({"client_id": "other"}, 700016),
        ({"response_type": "token"}, 700054),
        ({"code_challenge": ""}, 501481),
    ],
)
async def test_sign_in_asked_wrongly_is_refused(microsoft: Tenant, changed: dict[str, str], number: int):
    asked = {
        "client_id": microsoft.client_id,
        "response_type": "code",
        "redirect_uri": "http://localhost/back",
        "code_challenge": "x",
        "code_challenge_method": "S256",
    }
    async with client(microsoft) as http:
        url = f"{microsoft.url}/{microsoft.tenant_id}/oauth2/v2.0/authorize"
        answer = await http.get(url, params=asked | changed)
    assert answer.json()["error_codes"] == [number]
