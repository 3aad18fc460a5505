"""What a browser is asked for, and what its answer proves: the two ceremonies of WebAuthn. The only door to webauthn.

It keeps nothing: whose passkey it is, and whether the challenge still lives, `passkeys` knows.
"""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from service.core.limits import STEP_LIFE

ANSWER_LONGEST = 16_384
"""Characters of a browser's answer; with attestation `none` it has about one thousand."""
CREDENTIAL_LONGEST = 1023
"""Bytes: www.w3.org/TR/webauthn-3 section 4, Credential ID"""
CHALLENGE_BYTES = 64
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)
"""What the library raises for an answer that is no answer."""


@dataclass(frozen=True, slots=True)
class Site:
    """Whose passkeys they are: the portal's host, exactly; another host would orphan all."""

    host: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    """A credential that a device made for us."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def ask_to_make(
    site: Site, account_id: uuid.UUID, address: str, name: str, challenge: bytes, known: Iterable[bytes]
) -> str:
    """Write what a browser is asked for, as JSON; a device that has one of the known credentials makes no other."""
    return options_to_json(
        generate_registration_options(
            rp_id=site.host,
            rp_name=site.name,
            user_id=account_id.bytes,
            user_name=address,
            user_display_name=name,
            challenge=challenge,
            timeout=_milliseconds(),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        )
    )


def ask_to_sign(site: Site, challenge: bytes, allowed: Iterable[bytes]) -> str:
    """Write what a browser is asked for, as JSON; none allowed: whichever it has for this site."""
    return options_to_json(
        generate_authentication_options(
            rp_id=site.host,
            challenge=challenge,
            timeout=_milliseconds(),
            allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def read_made(site: Site, text: str, challenge: bytes) -> Made | None:
    """Return the credential of a right answer."""
    if len(text) > ANSWER_LONGEST:
        return None
    try:
        made = verify_registration_response(
            credential=text,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        return None
    if len(made.credential_id) > CREDENTIAL_LONGEST:
        return None
    return Made(made.credential_id, made.credential_public_key, made.sign_count)


def read_signed(site: Site, text: str, challenge: bytes, public_key: bytes) -> int | None:
    """Return the counter that a right answer carries. The library would refuse a stale one like a forged signature."""
    try:
        signed = verify_authentication_response(
            credential=text,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _MALFORMED:
        return None
    return signed.new_sign_count


def read_claim(text: str) -> tuple[bytes, bytes]:
    """Return which credential an answer names, and its owner's handle, unproven; empty where it is no answer."""
    if len(text) > ANSWER_LONGEST:
        return b"", b""
    try:
        told: Any = json.loads(text)
        credential = parse_authentication_credential_json(told)
    except _MALFORMED:
        return b"", b""
    return credential.raw_id[:CREDENTIAL_LONGEST], credential.response.user_handle or b""


def _milliseconds() -> int:
    return int(STEP_LIFE.total_seconds() * 1000)
