"""Encoded words (RFC 2047) read the way mails have them, which is not always the way of the standard."""

import binascii
import re

from service.mime.charsets import decode_text
from service.mime.limits import VALUE_BYTES, WORDS
from service.mime.surrogates import scrub

_WORD = re.compile(r"=\?([^?\s=]{0,75})\?([bBqQ])\?([^?]*)\?=")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def decode_words(value: str) -> str:
    """Decode an unfolded value; neighbours of one charset are joined as bytes first, controls become blanks."""
    value = value[:VALUE_BYTES]
    out: list[str] = []
    run = b""
    run_label = ""
    end = 0
    for count, found in enumerate(_WORD.finditer(value)):
        if count >= WORDS:
            break
        between = value[end : found.start()]
        label = found[1].partition("*")[0].lower()
        adjacent = count > 0 and not between.strip()
        if run and not (adjacent and label == run_label):
            out.append(decode_text(run, run_label))
            run = b""
        if not adjacent:
            out.append(between)
        run += _word_bytes(found[2], found[3])
        run_label = label
        end = found.end()
    if run:
        out.append(decode_text(run, run_label))
    out.append(value[end:])
    return _CONTROLS.sub(" ", scrub("".join(out)))


def _word_bytes(kind: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if kind in "qQ":
        return binascii.a2b_qp(raw.replace(b" ", b"_"), header=True)
    digits = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
