"""The Chromium that the browser tests and the screenshots use: npm's, unpacked once per version into the project."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
"""Not the package's own: those switch off web security and site isolation."""
_UNPACK = 'import chromium from "@sparticuz/chromium"; console.log(await chromium.executablePath());'


class ChromiumMissing(Exception):
    """There is no Chromium to test with: run `make setup`, then `npm ci --ignore-scripts`; `make test` does both."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


def chromium_path() -> Path:
    """Return the browser, unpacked beforehand where need be. Raises ChromiumMissing."""
    try:
        version = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))["version"]
    except FileNotFoundError as exc:
        raise ChromiumMissing from exc
    folder = ROOT / ".cache" / f"chromium-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    browser = folder / "chromium"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "unpacked").exists():
            # the package re-uses whatever lies in the temporary folder, of any version: hence a folder of ours
            browser.unlink(missing_ok=True)
            try:
                subprocess.run(
                    ["node", "--input-type=module", "-e", _UNPACK],
                    cwd=ROOT,
                    env={**os.environ, "TMPDIR": str(folder)},
                    check=True,
                    capture_output=True,
                    timeout=120,
                )
            except (FileNotFoundError, subprocess.SubprocessError) as exc:
                raise ChromiumMissing from exc
            browser.chmod(0o755)
            (folder / "unpacked").touch()
    return browser
