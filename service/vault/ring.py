"""The ring: a role's long-lived keys, one file per key and half.

    ring/<role>/portal-2026-W47.private.pem   RSA-3072, OAEP-SHA-256   private: portal    public: sync, portal
                mailer-2026-W47.public.pem    RSA-3072, OAEP-SHA-256   private: sync      public: portal, admin, sync
                admin-2026-W47.public.pem     RSA-3072, OAEP-SHA-256   private: admin     public: sync, portal
                sheets.private.pem            ECDSA P-256, SHA-256     private: sync      public: portal
                index.key                     32 bytes, HMAC-SHA-256   portal, sync, admin
                pepper.key                    32 bytes, HMAC-SHA-256   portal

A folder holds exactly what its role may use; what is not there cannot be used. Each key is a small port, so that a
vault in the cloud can take its place. A new week's key seals; every key whose file is still there opens.
"""

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from service.errors import Broken, SealBroken
from service.vault.types import Wrapped

RSA_BITS = 3072
WRAP_LONGEST = RSA_BITS // 8 - 2 * 32 - 2
"""318 bytes: what one RSA-3072 block with OAEP-SHA-256 carries (RFC 8017 §7.1.1)."""
HOLDERS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "portal": (frozenset({"portal"}), frozenset({"portal", "sync"})),
    "mailer": (frozenset({"sync"}), frozenset({"portal", "sync", "admin"})),
    "admin": (frozenset({"admin"}), frozenset({"portal", "sync", "admin"})),
}
"""Name of a wrapping key → roles that hold its private half, roles that hold its public half."""
SECRETS: Mapping[str, frozenset[str]] = {
    "index": frozenset({"portal", "sync", "admin"}),
    "pepper": frozenset({"portal"}),
}
ROLES = ("portal", "hook", "sync", "admin")
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_FILE = re.compile(r"(portal|mailer|admin)-(\d{4}-W\d{2})\.(private|public)\.pem")


class WrapKey(Protocol):
    """The public half: seals small secrets to its holder."""

    @property
    def name(self) -> str: ...

    def wrap(self, secret: bytes) -> Wrapped: ...


class UnwrapKey(Protocol):
    """The private half, or a vault that has it."""

    @property
    def name(self) -> str: ...

    def unwrap(self, wrapped: bytes) -> bytes: ...


class RingBroken(Broken):
    """The key ring lacks a key that this role needs, or a file in it is not a key."""


@dataclass(frozen=True, slots=True, repr=False)
class PublicHalf:
    name: str
    key: rsa.RSAPublicKey

    def wrap(self, secret: bytes) -> Wrapped:
        if len(secret) > WRAP_LONGEST:
            raise ValueError("too long to wrap")
        return Wrapped(self.key.encrypt(secret, _OAEP))


@dataclass(frozen=True, slots=True, repr=False)
class PrivateHalf:
    name: str
    key: rsa.RSAPrivateKey

    def unwrap(self, wrapped: bytes) -> bytes:
        """Raises SealBroken."""
        try:
            return self.key.decrypt(wrapped, _OAEP)
        except ValueError as exc:
            raise SealBroken from exc


class KeyRing:
    """One role's keys, read once at start."""

    def __init__(self, folder: Path) -> None:
        self._public: dict[str, PublicHalf] = {}
        self._private: dict[str, PrivateHalf] = {}
        self._secrets: dict[str, bytes] = {}
        self._sign: ec.EllipticCurvePrivateKey | None = None
        self._verify: ec.EllipticCurvePublicKey | None = None
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            self._read(path)

    def wrapper(self, kind: str) -> WrapKey:
        """Return the newest public half of `portal`, `mailer` or `admin`. Raises RingBroken."""
        names = [name for name in self._public if name.startswith(kind + "-")]
        if not names:
            raise RingBroken(f"no public {kind} key in the ring")
        return self._public[max(names)]

    def unwrapper(self, name: str) -> UnwrapKey:
        """Return the private half by its full name. Raises RingBroken."""
        try:
            return self._private[name]
        except KeyError as exc:
            raise RingBroken("a key that seals this is not in the ring of this role") from exc

    def digest(self, secret: str, purpose: str, text: str) -> bytes:
        """Return the keyed digest (HMAC-SHA-256, 32 bytes) of a text; `secret` is `index` or `pepper`."""
        try:
            key = self._secrets[secret]
        except KeyError as exc:
            raise RingBroken(f"no {secret} key in the ring of this role") from exc
        return hmac.digest(key, f"safemail/v1/{purpose}\0".encode() + text.encode("utf-8", "replace"), "sha256")

    def sign(self, message: bytes) -> bytes:
        """Sign as `sync`, so that a writer to the database cannot forge a sheet. Raises RingBroken."""
        if self._sign is None:
            raise RingBroken("no private sheets key in the ring of this role")
        return self._sign.sign(message, ec.ECDSA(hashes.SHA256()))

    def check(self, message: bytes, signature: bytes) -> None:
        """Raises SealBroken where `sync` did not sign this; RingBroken where the ring cannot tell."""
        if self._verify is None:
            raise RingBroken("no public sheets key in the ring of this role")
        try:
            self._verify.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as exc:
            raise SealBroken from exc

    def names(self) -> list[str]:
        """List the keys held, private ones marked."""
        return sorted(
            [f"{name} (private)" for name in self._private]
            + [name for name in self._public if name not in self._private]
            + list(self._secrets)
        )

    def _read(self, path: Path) -> None:
        if match := _FILE.fullmatch(path.name):
            name = f"{match[1]}-{match[2]}"
            if match[3] == "private":
                self._private[name] = PrivateHalf(name, _rsa_private(path))
            else:
                self._public[name] = PublicHalf(name, _rsa_public(path))
        elif path.name in {"sheets.private.pem", "sheets.public.pem"}:
            key = _load(path)
            if isinstance(key, ec.EllipticCurvePrivateKey):
                self._sign = key
            elif isinstance(key, ec.EllipticCurvePublicKey):
                self._verify = key
            else:
                raise RingBroken(f"{path.name} is a key of another kind")
        elif path.suffix == ".key" and path.stem in SECRETS:
            self._secrets[path.stem] = path.read_bytes()


def make_ring(folder: Path, now: datetime) -> None:
    """Write a new ring, one folder per role. Raises FileExistsError where one stands: keys are never overwritten."""
    for role in ROLES:
        (folder / role).mkdir(parents=True, mode=0o700)
    for kind in HOLDERS:
        add_week(folder, kind, now)
    signing = ec.generate_private_key(ec.SECP256R1())
    _write(folder / "sync" / "sheets.private.pem", _private_pem(signing))
    for role in ("portal", "sync"):
        _write(folder / role / "sheets.public.pem", _public_pem(signing.public_key()))
    for name, roles in SECRETS.items():
        secret = secrets.token_bytes(32)
        for role in roles:
            _write(folder / role / f"{name}.key", secret)


def add_week(folder: Path, kind: str, now: datetime) -> str:
    """Add this week's wrapping key of a kind; return its name. Raises FileExistsError where it stands."""
    year, week, _ = now.isocalendar()
    name = f"{kind}-{year}-W{week:02}"
    private_roles, public_roles = HOLDERS[kind]
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    for role in private_roles:
        _write(folder / role / f"{name}.private.pem", _private_pem(key))
    for role in public_roles:
        _write(folder / role / f"{name}.public.pem", _public_pem(key.public_key()))
    return name


def _rsa_private(path: Path) -> rsa.RSAPrivateKey:
    key = _load(path)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise RingBroken(f"{path.name} is a key of another kind")
    return key


def _rsa_public(path: Path) -> rsa.RSAPublicKey:
    key = _load(path)
    if not isinstance(key, rsa.RSAPublicKey):
        raise RingBroken(f"{path.name} is a key of another kind")
    return key


def _load(path: Path) -> object:
    pem = path.read_bytes()
    try:
        if b"PRIVATE" in pem:
            return serialization.load_pem_private_key(pem, password=None)
        return serialization.load_pem_public_key(pem)
    except ValueError as exc:
        raise RingBroken(f"{path.name} is not a key") from exc


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
