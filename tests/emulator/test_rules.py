"""The data file of the mail-flow rules: its patterns, its stamp, and that nothing unknown is passed over."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulator.exchange.headers import split_mail
from emulator.exchange.rules import RULES_FILE, RuleFile, RuleWrong, Sending
from tests.emulator.conftest import ALICE, INTAKE, MAILER

VALUES = {"intake": INTAKE, "mailer": MAILER, "portal": r"secure\.ct\.gov", "secret": "s"}
CONTENT: dict[str, Any] = json.loads(RULES_FILE.read_text())


def sending(subject: str, sender: str = ALICE) -> Sending:
    header, _ = split_mail(f"From: {sender}\r\nSubject: {subject}\r\n\r\n".encode())
    return Sending(header, ALICE, is_inside=True)


@pytest.mark.parametrize("subject", CONTENT["subjectPatterns"]["must"])
def test_subjects_that_must_match_do(subject: str):
    divert, net, *_ = RuleFile.read().rules(VALUES)
    assert divert.matches(sending(subject))
    assert net.matches(sending(subject))


@pytest.mark.parametrize("subject", CONTENT["subjectPatterns"]["mustNot"])
def test_subjects_that_must_not_match_do_not(subject: str):
    assert not any(rule.matches(sending(subject)) for rule in RuleFile.read().rules(VALUES))


def test_rules_stand_as_designed():
    rules = RuleFile.read().rules(VALUES)
    assert [rule.priority for rule in rules] == [1, 2, 3, 4]
    assert all(rule.on_error == "Defer" for rule in rules)
    assert all(rule.except_from == {MAILER} for rule in rules)
    assert [rule.stops for rule in rules] == [True, False, True, True]
    assert rules[1].reject
    assert not rules[0].matches(sending("[secure]", sender=MAILER))


def test_stamp_changes_with_the_file_and_not_with_its_layout(tmp_path: Path):
    stamp = RuleFile.read().stamp
    assert re.fullmatch(r"v1-[0-9a-f]{12}", stamp)
    assert RuleFile.read(written(tmp_path, CONTENT)).stamp == stamp
    changed = copy.deepcopy(CONTENT)
    changed["rules"][0]["parameters"]["RuleErrorAction"] = "Ignore"
    assert RuleFile.read(written(tmp_path, changed)).stamp != stamp


@pytest.mark.parametrize(
    "parameters",
    [
        {"SubjectContainsWords": ["secure"]},
        {"RuleErrorAction": "defer"},
        {"Priority": "1"},
        {"SetHeaderName": "X-Only-Half"},
        {"RedirectMessageTo": [INTAKE], "RejectMessageReasonText": "No"},
        {"Comments": "${unknown}"},
    ],
)
def test_what_this_exchange_does_not_know_stops_the_start(tmp_path: Path, parameters: dict[str, Any]):
    content = {"formatVersion": 1, "rules": [{"name": "Odd", "parameters": parameters}]}
    with pytest.raises(RuleWrong):
        RuleFile.read(written(tmp_path, content)).rules(VALUES)


def test_other_format_stops_the_start(tmp_path: Path):
    with pytest.raises(RuleWrong):
        RuleFile.read(written(tmp_path, {"formatVersion": 2, "rules": []}))


def written(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "rules.json"
    path.write_text(json.dumps(content, indent=7), encoding="utf-8")
    return path
