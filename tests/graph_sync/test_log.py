"""A log line holds listed keys only, and no words that an exception brought along."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from service.log import ALLOWED, set_up_logging

SECRET = "bob@example.com wrote: my number is 123-45-6789"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_only_listed_keys_are_written(capsys: pytest.CaptureFixture[str]):
    set_up_logging("sync", "info")
    log = structlog.get_logger()
    log.info("arrival_settled", arrival="a1", subject=SECRET, count=3, status=["a", SECRET], seconds=1.5)
    line = json.loads(capsys.readouterr().err)
    assert set(line) <= ALLOWED
    assert (line["arrival"], line["count"], line["status"], line["role"]) == ("a1", 3, "list", "sync")
    assert SECRET not in json.dumps(line)


def test_an_exception_is_told_by_its_class_alone(capsys: pytest.CaptureFixture[str]):
    set_up_logging("sync", "info")
    try:
        raise ValueError(SECRET)
    except ValueError:
        structlog.get_logger().exception("job_failed", exc_info=True)
        logging.getLogger("some.library").exception("could not read %s", SECRET)
    written = capsys.readouterr().err
    assert SECRET not in written
    assert [json.loads(line)["event"] for line in written.splitlines()] == ["job_failed", "library"]
    assert json.loads(written.splitlines()[1])["error"] == "ValueError"


def test_less_than_the_level_is_not_written(capsys: pytest.CaptureFixture[str]):
    set_up_logging("portal", "warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("some.library").info(SECRET)
    assert capsys.readouterr().err == ""
