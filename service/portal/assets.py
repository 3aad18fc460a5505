"""The built assets: their hashed names for the templates, their bytes for the browser."""

import json
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from service.errors import Broken

FOLDER = Path(__file__).parent / "static" / "assets"
_TYPES = {
    ".woff2": "font/woff2",
    ".webp": "image/webp",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Assets:
    """All of them in memory: a few hundred kilobytes, and no path of a request ever reaches the disk."""

    names: dict[str, str]
    """Hashed names by plain names."""
    bodies: dict[str, tuple[str, bytes]]
    """(media type, bytes) by hashed names."""
    icons: frozenset[str]

    def url(self, name: str) -> str:
        return f"/static/{self.names[name]}"

    def icon_url(self, name: str) -> str:
        return f"{self.url('icons.svg')}#{name}"


def read_assets(folder: Path = FOLDER) -> Assets:
    """Read what `node service/portal/assets.mjs` built. Raises Broken where nobody built it."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise Broken("the page assets are not built: run `make setup`") from exc
    names: dict[str, str] = manifest["files"]
    bodies = {hashed: (_type(hashed), (folder / hashed).read_bytes()) for hashed in names.values()}
    return Assets(names, bodies, frozenset(manifest["icons"]))


def _type(name: str) -> str:
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
