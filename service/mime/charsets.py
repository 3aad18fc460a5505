"""Which characters bytes mean. Labels come from strangers: only names known here reach a codec.

Order: byte order mark, label, strict utf-8, label with U+FFFD for what it cannot say, windows-1252.
"""

import codecs
import re

import webencodings

from service.mime.surrogates import scrub

_OVERRIDES = {
    "gb18030": "gb2312 gbk x-gbk cp936 gb_2312-80 csgb2312 x-cp20936 ms936 windows-936 gb18030 euc-cn x-euc-cn",
    "cp949": "ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc5601 ksc_5601 euc-kr x-windows-949 windows-949 uhc",
    "cp932": "shift_jis shift-jis sjis x-sjis windows-31j ms_kanji csshiftjis ms932 cp943",
    "iso2022_jp_ext": "iso-2022-jp iso-2022-jp-ms csiso2022jp cp50220 cp50221 cp50222 iso-2022-jp-1 iso-2022-jp-2",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_kr": "iso-2022-kr csiso2022kr",
    "hz": "hz-gb-2312 hz",
    "big5hkscs": "big5 big5-hkscs x-x-big5 cn-big5 csbig5",
    "utf_7": "utf-7 unicode-1-1-utf-7 x-unicode-2-0-utf-7",
    "utf_8": "utf-8n utf8mb4 utf8 utf-8 unicode-1-1-utf-8",
    "utf_16": "utf-16 unicode ucs-2 iso-10646-ucs-2 csunicode",
    "utf_16_le": "utf-16le",
    "utf_16_be": "utf-16be",
    "utf_32": "utf-32 ucs-4",
    "cp1252": "ansi",
    "mac_roman": "x-mac macintosh mac x-mac-roman",
    "mac_latin2": "x-mac-ce x-mac-centraleurroman",
    "koi8_r": "koi8r koi8-r",
    "koi8_u": "koi8-ru koi8-u koi8u",
    "cp874": "tis-620 windows-874 iso-8859-11",
}
_CODECS = {label: codec for codec, labels in _OVERRIDES.items() for label in labels.split()}
_WINDOWS = re.compile(r"(?:x-)?(?:windows|win|cp)[-_]?(125[0-8])")
_DOS = re.compile(r"(?:cp|ibm|csibm|x-ibm)[-_]?(0?437|850|852|855|857|858|86[0-6]|869)")
_LABEL_END = re.compile(r"[\s\"';,<>*$\x00-\x1f\x7f]")
_META = re.compile(rb"<meta\b[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.+-]{1,40})", re.IGNORECASE)
_META_SOUGHT_BYTES = 1024  # html.spec.whatwg.org: prescan a byte stream
_MARKS = ((codecs.BOM_UTF8, "utf_8"), (codecs.BOM_UTF16_LE, "utf_16_le"), (codecs.BOM_UTF16_BE, "utf_16_be"))
_ASCII = {"us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us"}


def find_codec(label: str) -> str | None:
    """Return the Python codec for a foreign label, or None where it names nothing that we know."""
    label = label.strip().strip("\"'_").lower()
    label = _LABEL_END.split(label, maxsplit=1)[0]
    if label in _CODECS:
        return _CODECS[label]
    if found := _WINDOWS.fullmatch(label):
        return f"cp{found[1]}"
    if found := _DOS.fullmatch(label):
        return f"cp{found[1].lstrip('0')}"
    encoding = webencodings.lookup(label)
    if encoding is None or encoding.name in {"replacement", "x-user-defined"}:
        return None
    return _CODECS.get(encoding.name) or str(encoding.codec_info.name)


def decode_text(data: bytes, label: str, *, html: bool = False) -> str:
    """Decode a text as well as can be: never raises, and the result holds no lone surrogate."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return scrub(data[len(mark) :].decode(codec, "replace"))
    if html and not label.strip():
        label = _meta_label(data)
    codec = find_codec(label) or ""
    codecs_tried = ["utf_8", codec or "cp1252"] if label.strip().lower() in _ASCII or not codec else [codec, "utf_8"]
    for tried in codecs_tried:
        if (text := _strict(data, tried)) is not None:
            return scrub(text)
    return scrub(data.decode(codec or "cp1252", "replace"))


def decode_header(data: bytes) -> str:
    """Decode raw 8-bit bytes of a header: utf-8, else windows-1252."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _meta_label(data: bytes) -> str:
    found = _META.search(data[:_META_SOUGHT_BYTES])
    if found is None:
        return ""
    label = found[1].decode("ascii").lower()
    return "utf-8" if label.startswith("utf-16") else label


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError):
        return None
