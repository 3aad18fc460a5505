"""A phone that holds passkeys: answers as a browser with an authenticator does (WebAuthn level 3, sections 6 and 7)."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Device:
    host: str
    origin: str
    is_counting: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0
    handle: bytes = b""

    def create(self, options: str, *, origin: str = "", verified: bool = True) -> str:
        """Make a passkey and say so."""
        asked = json.loads(options)
        self.handle = read(asked["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        point = {-2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        cose = encode_cbor({1: 2, 3: -7, -1: 1, **point})
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + cose
        data = self._data(ATTESTED, verified=verified) + attested
        return self._answer(
            {
                "clientDataJSON": write(self._client("webauthn.create", asked["challenge"], origin)),
                "attestationObject": write(encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})),
            }
        )

    def get(self, options: str, *, origin: str = "", verified: bool = True) -> str:
        """Sign a challenge."""
        self.count += 1 if self.is_counting else 0
        client = self._client("webauthn.get", json.loads(options)["challenge"], origin)
        data = self._data(0, verified=verified)
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": write(client),
                "authenticatorData": write(data),
                "signature": write(signed),
                "userHandle": write(self.handle),
            }
        )

    def _data(self, flags: int, *, verified: bool) -> bytes:
        flags |= PRESENT | (VERIFIED if verified else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, challenge: str, origin: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": origin or self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _answer(self, response: dict[str, str]) -> str:
        name = write(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def write(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def read(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
