"""What the pages link to is built, small and from here."""

import re
from pathlib import Path

import pytest

import service.portal
from service.errors import Broken
from service.portal.assets import read_assets
from service.portal.mailbox.files import _ICONS, icon_of

TEMPLATES = Path(service.portal.__file__).parent / "templates"


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    assets = read_assets()
    named = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r"icon\(\s*[\"']([\w-]+)[\"']", path.read_text(encoding="utf-8"))
    }
    named |= {icon_of(f"a.{ending}") for ending in [*_ICONS, "", "odd"]}
    assert len(named) > 20
    assert named <= assets.icons


def test_styles_fetch_nothing_from_elsewhere() -> None:
    assets = read_assets()
    for name in ("app.css", "uswds.css"):
        _, body = assets.bodies[assets.names[name]]
        text = body.decode()
        urls = re.findall(r"url\(\"?([^)\"]*)", text)
        assert all(url in assets.bodies for url in urls), urls
        assert "@import" not in text
        assert "http" not in re.sub(r"http://www\.w3\.org\S*", "", text)
    assert sum(len(assets.bodies[assets.names[name]][1]) for name in ("app.css", "uswds.css")) < 150_000


def test_missing_assets_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="make setup"):
        read_assets(tmp_path)
