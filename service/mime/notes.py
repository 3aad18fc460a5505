"""Remarks on a mail and its parts, as keys; what they say to people is the portal's business."""

from enum import StrEnum


class Note(StrEnum):
    """One remark."""

    DAMAGED_BASE64 = "damaged-base64"
    TEXT_AFTER_BASE64 = "text-after-base64"
    DAMAGED_QUOTED_PRINTABLE = "damaged-quoted-printable"
    DAMAGED_UUENCODE = "damaged-uuencode"
    ODD_ENCODING = "odd-encoding"
    """The transfer encoding was written in a way that other programs may not understand."""
    UNKNOWN_ENCODING = "unknown-encoding"
    UNREADABLE_TYPE = "unreadable-type"
    REPEATED_HEADER = "repeated-header"
    """A field that may stand once stands twice: the first one counts here, elsewhere perhaps the other."""
    HEADER_TOO_LONG = "header-too-long"
    TOO_DEEP = "too-deep"
    TOO_MANY_PARTS = "too-many-parts"
    NO_BOUNDARY = "no-boundary"
    """A multipart in which no part begins: shown as the text that it is."""
    GUESSED_BOUNDARY = "guessed-boundary"
    CUT_SHORT = "cut-short"
    """The mail ends inside this part."""
    TEXT_TOO_LONG = "text-too-long"
    SIGNED = "signed"
    """There is a signature; nobody has checked it."""
    ENCRYPTED = "encrypted"
    MEETING = "meeting"
    PARTIAL = "partial"
    EXTERNAL = "external"
    """The content lies elsewhere; it is never fetched."""
    TNEF = "tnef"


DAMAGED = frozenset(
    {
        Note.DAMAGED_BASE64,
        Note.TEXT_AFTER_BASE64,
        Note.DAMAGED_QUOTED_PRINTABLE,
        Note.DAMAGED_UUENCODE,
        Note.ODD_ENCODING,
        Note.UNKNOWN_ENCODING,
        Note.REPEATED_HEADER,
        Note.HEADER_TOO_LONG,
        Note.TOO_DEEP,
        Note.TOO_MANY_PARTS,
        Note.NO_BOUNDARY,
        Note.GUESSED_BOUNDARY,
        Note.CUT_SHORT,
    }
)
"""With one of these, another program may read other bytes from the part than we do."""
