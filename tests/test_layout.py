"""The house stays what the documents say it is."""

import importlib
import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

TOP = Path(__file__).parents[1]


def test_no_python_stands_under_azure() -> None:
    assert list((TOP / "azure").rglob("*.py")) == []  # `azure` is the Azure SDK's namespace: ours would hide it
    assert "site-packages" in str(importlib.import_module("azure.core").__file__)


def test_the_wheel_holds_the_product_only(tmp_path: Path) -> None:
    [wheel] = list(WheelBuilder(str(TOP)).build(directory=str(tmp_path), versions=["standard"]))
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"service", "graph_sync"}
    assert "service/cli.py" in names
    assert [name for name in names if "test" in name.lower() or name.endswith((".pem", ".key", ".db"))] == []


def test_no_registry_or_machine_stands_in_the_locks() -> None:
    for lock in ("requirements.lock", "tests/requirements.lock", "package-lock.json"):
        text = (TOP / lock).read_text(encoding="utf-8")
        assert "index-url" not in text
        assert '"resolved"' not in text
        assert "file://" not in text
