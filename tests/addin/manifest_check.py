"""A checker of `addin/manifest.xml`: Microsoft's own needs their server, and its schema lets too much through.

Orders and limits: "Office Add-ins manifest element ordering" on learn.microsoft.com, and MS-OWEMXML on the same site.
"""

import re
import struct
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

BASE = "{http://schemas.microsoft.com/office/appforoffice/1.1}"
BT = "{http://schemas.microsoft.com/office/officeappbasictypes/1.0}"
V1_0 = "{http://schemas.microsoft.com/office/mailappversionoverrides}"
V1_1 = "{http://schemas.microsoft.com/office/mailappversionoverrides/1.1}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

ORDERS = {
    "OfficeApp": (
        "Id", "AlternateId", "Version", "ProviderName", "DefaultLocale", "DisplayName", "Description", "IconUrl",
        "HighResolutionIconUrl", "SupportUrl", "AppDomains", "Hosts", "Requirements", "FormSettings", "Permissions",
        "Rule", "DisableEntityHighlighting", "VersionOverrides",
    ),
    "VersionOverrides": (
        "Description", "Requirements", "Hosts", "Resources", "WebApplicationInfo", "EquivalentAddins",
        "VersionOverrides", "ExtendedPermissions",
    ),
    "Host": ("Runtimes", "DesktopFormFactor", "MobileFormFactor"),
    "DesktopFormFactor": ("SupportsSharedFolders", "FunctionFile", "ExtensionPoint"),
    "Group": ("Label", "Control"),
    "Control": ("Label", "Supertip", "Icon", "Action"),
    "Supertip": ("Title", "Description"),
    "Resources": ("Images", "Urls", "ShortStrings", "LongStrings"),
    "FormSettings": ("Form",),
    "OfficeTab": ("Group",),
}  # fmt: skip
REQUIRED = {
    "Id", "Version", "ProviderName", "DefaultLocale", "DisplayName", "Description", "Requirements", "FormSettings",
    "Permissions", "Rule",
}  # fmt: skip
SEND_MODES = {"PromptUser", "SoftBlock", "Block"}
PERMISSIONS = {"Restricted", "ReadItem", "ReadWriteItem", "ReadWriteMailbox"}
EVENTS = {
    "OnNewMessageCompose": (1, 10), "OnMessageAttachmentsChanged": (1, 11), "OnMessageRecipientsChanged": (1, 11),
    "OnInfoBarDismissClicked": (1, 11), "OnMessageCompose": (1, 12), "OnMessageSend": (1, 12),
    "OnMessageFromChanged": (1, 13),
}  # fmt: skip
BUTTON_ICONS = {"16", "32", "80"}
SHORT, LONG, RESID = 125, 250, 32


def problems(manifest: str, web: Path) -> list[str]:
    """Say all that is wrong; an empty list is a pass."""
    try:
        root = ET.fromstring(manifest)
    except ET.ParseError as exc:
        return [f"not well formed: {exc}"]
    return [
        *_order(root),
        *_base(root),
        *_urls(root, web),
        *(said for overrides in _overrides(root) for said in _check_overrides(overrides, web)),
    ]


def function_names(manifest: str) -> set[str]:
    """Return what Outlook will call in our scripts."""
    root = ET.fromstring(manifest)
    found = {(one.text or "").strip() for one in root.iter() if _local(one) == "FunctionName"}
    return found | {one.get("FunctionName", "") for one in root.iter() if _local(one) == "LaunchEvent"}


def control_ids(manifest: str) -> set[str]:
    return {one.get("id", "") for one in ET.fromstring(manifest).iter() if _local(one) == "Control"}


def image_ids(manifest: str) -> set[str]:
    return {one.get("id", "") for one in ET.fromstring(manifest).iter(f"{BT}Image")}


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _overrides(root: ET.Element) -> Iterator[ET.Element]:
    return (one for one in root.iter() if _local(one) == "VersionOverrides")


def _order(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        order = ORDERS.get(_local(element))
        if order is None or (_local(element) == "Host" and element.tag.startswith(BASE)):
            continue
        names = [_local(child) for child in element]
        if unknown := [name for name in names if name not in order]:
            yield f"{_local(element)} holds {unknown}, which does not belong there"
        elif names != sorted(names, key=order.index):
            yield f"{_local(element)} holds its elements out of order: {names}"


def _base(root: ET.Element) -> Iterator[str]:
    if root.tag != f"{BASE}OfficeApp" or root.get(TYPE) != "MailApp":
        yield "the root is not an OfficeApp of type MailApp"
    present = {_local(child) for child in root}
    if missing := REQUIRED - present:
        yield f"missing: {sorted(missing)}"
    text = {_local(child): (child.text or "").strip() for child in root}
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text.get("Id", "").lower()):
        yield "Id is not a GUID"
    if not re.fullmatch(r"\d+(\.\d+){1,3}", text.get("Version", "")):
        yield "Version is not of numbers and dots"
    if text.get("Permissions") not in PERMISSIONS:
        yield "Permissions is not one of Outlook's"
    if root.find(f"{BASE}Hosts/{BASE}Host[@Name='Mailbox']") is None:
        yield "the host is not Mailbox"
    if root.find(f"{BASE}FormSettings/{BASE}Form/{BASE}DesktopSettings/{BASE}SourceLocation") is None:
        yield "the form has no SourceLocation for desktops"
    yield from _limit(root.find(f"{BASE}DisplayName"), SHORT)
    yield from _limit(root.find(f"{BASE}Description"), LONG)
    default = text.get("DefaultLocale", "")
    for holder in root.iter():
        locales = [child.get("Locale", "") for child in holder if child.get("Locale")]
        if len(set(locales)) != len(locales) or default in locales:
            yield f"{_local(holder)} has a locale twice, or the default one again"
        if any(not re.fullmatch(r"[a-z]{2}-[A-Z]{2}", locale) for locale in locales):
            yield f"{_local(holder)} has a locale that is no full tag"


def _limit(element: ET.Element | None, limit: int) -> Iterator[str]:
    for one in [] if element is None else element.iter():
        if len(one.get("DefaultValue") or one.get("Value") or "") > limit:
            yield f"{_local(one)} is longer than {limit} characters"


def _urls(root: ET.Element, web: Path) -> Iterator[str]:
    hosts = set()
    for element in root.iter():
        value = element.get("DefaultValue", "")
        if not re.match(r"[a-z]+://", value):
            continue
        parts = urlsplit(value)
        hosts.add(parts.netloc)
        if parts.scheme != "https":
            yield f"{value} is not https"
        if not (web / parts.path.lstrip("/")).is_file():
            yield f"{value} has no file behind it"
    if len(hosts) != 1:
        yield f"the addresses lie on several hosts: {sorted(hosts)}"
    for name, wanted in (("IconUrl", 64), ("HighResolutionIconUrl", 128)):
        icon = root.find(f"{BASE}{name}")
        path = web / urlsplit(icon.get("DefaultValue", "") if icon is not None else "").path.lstrip("/")
        if not path.is_file() or png_size(path) != (wanted, wanted):
            yield f"{name} is not a picture of {wanted} by {wanted}"


def _check_overrides(overrides: ET.Element, web: Path) -> Iterator[str]:
    space = overrides.tag.removesuffix("VersionOverrides")
    if overrides.get(TYPE) != {V1_0: "VersionOverridesV1_0", V1_1: "VersionOverridesV1_1"}.get(space):
        yield "a VersionOverrides whose type and namespace differ"
    own = [one for child in overrides if _local(child) != "VersionOverrides" for one in child.iter()]
    resources = {one.get("id", ""): one for one in own if one.tag.startswith(BT) and one.get("id")}
    yield from _resources(own, resources)
    yield from _icons(own, resources, web)
    yield from _events(overrides, own, space)


def _resources(own: list[ET.Element], resources: dict[str, ET.Element]) -> Iterator[str]:
    ids = [one.get("id", "") for one in own if one.get("id")]
    if len(ids) != len(set(ids)):
        yield "an id stands twice"
    for one in own:
        resid = one.get("resid")
        if resid is not None and resid not in resources:
            yield f"{_local(one)} names the resource {resid}, which is not there"
        if resid is not None and len(resid) > RESID:
            yield f"{resid} is longer than {RESID} characters"
    used = {one.get("resid") for one in own}
    if unused := sorted(resources.keys() - used):
        yield f"nothing uses {unused}"
    for holder in own:
        limit = {"ShortStrings": SHORT, "LongStrings": LONG}.get(_local(holder))
        if limit is not None:
            yield from _limit(holder, limit)


def _icons(own: list[ET.Element], resources: dict[str, ET.Element], web: Path) -> Iterator[str]:
    for icon in (one for one in own if _local(one) == "Icon"):
        if missing := BUTTON_ICONS - {image.get("size", "") for image in icon}:
            yield f"a button lacks its icon of {sorted(missing)}"
        for image in icon:
            found = resources.get(image.get("resid", ""))
            path = web / urlsplit(found.get("DefaultValue", "") if found is not None else "").path.lstrip("/")
            side = int(image.get("size", "0"))
            if not path.is_file() or png_size(path) != (side, side):
                yield f"the icon of {side} is not {side} by {side}"


def _events(overrides: ET.Element, own: list[ET.Element], space: str) -> Iterator[str]:
    events = [one for one in own if _local(one) == "LaunchEvent"]
    runtimes = [one for one in own if _local(one) == "Runtime"]
    if not events:
        return
    if space != V1_1:
        yield "events belong into VersionOverridesV1_1"
    if len(runtimes) != 1 or [_local(one) for one in runtimes[0]] != ["Override"]:
        yield "there must be one Runtime with one Override"
    elif runtimes[0][0].get("type") != "javascript":
        yield "the Runtime's Override is not of type javascript"
    sources = {one.get("resid") for one in own if _local(one) == "SourceLocation"}
    if sources != {one.get("resid") for one in runtimes}:
        yield "the events' SourceLocation is not the Runtime"
    if sum(one.get("Type") == "OnMessageSend" for one in events) > 1:
        yield "OnMessageSend stands twice"
    sets = overrides.find(f"{space}Requirements/{BT}Sets")
    minimum = tuple(int(part) for part in (sets.get("DefaultMinVersion", "0") if sets is not None else "0").split("."))
    for event in events:
        kind = event.get("Type", "")
        if kind not in EVENTS:
            yield f"there is no event {kind}"
        elif minimum < EVENTS[kind]:
            yield f"{kind} needs a higher requirement set than {minimum}"
        if event.get("SendMode") is not None and event.get("SendMode") not in SEND_MODES:
            yield f"{event.get('SendMode')} is no SendMode"


if __name__ == "__main__":
    addin = Path(__file__).parents[2] / "addin"
    found = problems((addin / "manifest.xml").read_text(encoding="utf-8"), addin / "web")
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
