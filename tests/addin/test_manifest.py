"""The manifest is one that Outlook takes, and the checker sees what Microsoft's schema does not."""

import re
from pathlib import Path

import pytest

from tests.addin.manifest_check import control_ids, function_names, image_ids, problems

ADDIN = Path(__file__).parents[2] / "addin"
WEB = ADDIN / "web"
MANIFEST = (ADDIN / "manifest.xml").read_text(encoding="utf-8")


def test_the_manifest_has_no_problem() -> None:
    assert problems(MANIFEST, WEB) == []


def test_every_function_of_the_manifest_is_associated_and_no_other() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in WEB.glob("*.js"))
    associated = re.findall(r'^Office\.actions\.associate\("(\w+)", (\w+)\);$', scripts, re.MULTILINE)
    assert all(name == function for name, function in associated)
    assert {name for name, _ in associated} == function_names(MANIFEST) == {"toggleSecure", "onMessageSend"}


def test_the_classic_script_answers_send_by_itself() -> None:
    assert 'Office.actions.associate("onMessageSend"' in (WEB / "launchevent.js").read_text(encoding="utf-8")


def test_control_and_icon_named_in_the_scripts_stand_in_the_manifest() -> None:
    send, button = ((WEB / name).read_text(encoding="utf-8") for name in ("launchevent.js", "commands.js"))
    assert set(re.findall(r'commandId = "(\w+)"', send)) <= control_ids(MANIFEST)
    assert set(re.findall(r'icon: "([\w.]+)"', button)) <= image_ids(MANIFEST)


def test_the_page_loads_office_first_then_what_is_shared_then_the_button() -> None:
    page = (WEB / "commands.html").read_text(encoding="utf-8")
    sources = re.findall(r'<script src="([^"]+)"', page)
    assert sources == ["https://appsforoffice.microsoft.com/lib/1/hosted/office.js", "launchevent.js", "commands.js"]
    assert page.index("office.js") < page.index("</head>")
    assert re.search(r"<script>|\son\w+=|style=", page) is None


@pytest.mark.parametrize(
    ("what", "right", "wrong"),
    [
        ("missing", "<Version>1.0.0.0</Version>", ""),
        ("out of order", "<Permissions>ReadWriteItem</Permissions>", ""),
        ("not https", "https://addin.example/about.html", "http://addin.example/about.html"),
        ("several hosts", "https://addin.example/about.html", "https://other.example/about.html"),
        ("no file behind it", "/launchevent.js", "/launch.js"),
        ("not there", '<FunctionFile resid="Commands.Url"/>', '<FunctionFile resid="Other.Url"/>'),
        ("no SendMode", 'SendMode="SoftBlock"', 'SendMode="Softblock"'),
        ("no event", 'Type="OnMessageSend"', 'Type="OnMessageSent"'),
        ("not the Runtime", '<SourceLocation resid="Commands.Url"/>', '<SourceLocation resid="EventScript.Url"/>'),
        ("higher requirement set", 'DefaultMinVersion="1.12"', 'DefaultMinVersion="1.10"'),
        ("lacks its icon", '<bt:Image size="80" resid="Icon.80"/>', ""),
        ("not 80 by 80", "icon-80.png", "icon-64.png"),
        ("not a picture of 128", "icon-128.png", "icon-64.png"),
        ("longer than 125", 'DefaultValue="Secure">', f'DefaultValue="{"S" * 126}">'),
        ("default one again", 'Locale="es-ES"', 'Locale="en-US"'),
        ("no full tag", 'Locale="es-ES"', 'Locale="es"'),
        ("an id stands twice", 'id="Icon.32" DefaultValue', 'id="Icon.16" DefaultValue'),
        ("not one of Outlook's", "ReadWriteItem<", "ReadWrite<"),
        ("not a GUID", "<Id>", "<Id>x"),
    ],
)
def test_the_checker_sees(what: str, right: str, wrong: str) -> None:
    assert right in MANIFEST
    broken = MANIFEST.replace(right, wrong)
    if what == "out of order":
        broken = broken.replace("<FormSettings>", f"{right}<FormSettings>")
    assert any(what in said for said in problems(broken, WEB)), problems(broken, WEB)
