"""A recipient's key pair: data keys are sealed to the public half, and only the private half opens them.

HPKE (RFC 9180) with P-256, HKDF-SHA-256 and AES-256-GCM. The private half (PKCS#8, 138 bytes) is wrapped by the ring's
portal key, so that `sync` seals and cannot open. The info string binds sealed bytes to their row.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from service.errors import SealBroken
from service.vault.ring import UnwrapKey, WrapKey
from service.vault.stream import KEY_BYTES
from service.vault.types import DataKey, Sealed, Wrapped

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
ID_BYTES = 16
PUBLIC_BYTES = 65
"""Uncompressed point, SEC 1."""


class RecipientKey:
    """The private half, opened for a session and held in memory only."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    def open(self, place: str, sealed: bytes) -> bytes:
        """Open what was sealed to this recipient for `place`. Raises SealBroken."""
        try:
            return SUITE.decrypt(sealed, self._private, info=_info(place))
        except (InvalidTag, ValueError) as exc:
            raise SealBroken from exc

    def open_keys(self, message_id: str, sealed: bytes) -> tuple[DataKey, DataKey]:
        """Open a delivery's content key and sheet key. Raises SealBroken."""
        keys = self.open(f"keys/{message_id}", sealed)
        if len(keys) != 2 * KEY_BYTES:
            raise SealBroken
        return DataKey(keys[:KEY_BYTES]), DataKey(keys[KEY_BYTES:])


def new_recipient_key(portal: WrapKey, recipient: bytes) -> tuple[bytes, Wrapped]:
    """Make a key pair; return the public half (65 bytes) and the private half wrapped for the portal.

    The wrapped bytes are the recipient's id (16 bytes) and the private half, so that they open in their own row only.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    encoded = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return public, portal.wrap(recipient + encoded)


def unwrap_recipient_key(portal: UnwrapKey, wrapped: Wrapped, recipient: bytes) -> RecipientKey:
    """Raises SealBroken, also where the key is another recipient's."""
    opened = portal.unwrap(wrapped)
    if opened[:ID_BYTES] != recipient or len(recipient) != ID_BYTES:
        raise SealBroken
    private = serialization.load_der_private_key(opened[ID_BYTES:], password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise SealBroken
    return RecipientKey(private)


def seal_to_recipient(public: bytes, place: str, clear: bytes) -> Sealed:
    """Seal a small secret (a name, an address) to its recipient; `place` names the column."""
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    return Sealed(SUITE.encrypt(clear, key, info=_info(place)))


def seal_keys_to_recipient(public: bytes, message_id: str, content: DataKey, sheet: DataKey) -> Sealed:
    """Seal both data keys of a message to one recipient; bound to the message's id (uuid as hex)."""
    return seal_to_recipient(public, f"keys/{message_id}", content + sheet)


def _info(place: str) -> bytes:
    return b"safemail/v1/recipient/" + place.encode()
