"""Railpack where its binary is present: a stand-in that checks how it is called."""

import json
import sys
from pathlib import Path

import pytest

from infra.agent.build.railpack import railpack_plan
from infra.agent.build.spec import BuildSecrets
from infra.agent.control import Claim, ControlPlane
from infra.agent.job import Job
from shared.domain.detection.plan import BuildSettings, Provider

STAND_IN = f"""\
#!{sys.executable}
import argparse, json, os, sys
parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("command", choices=["prepare"])
parser.add_argument("folder")
for flag in ("--plan-out", "--info-out", "--build-cmd", "--start-cmd"):
    parser.add_argument(flag)
parser.add_argument("--env", action="append", default=[])
parser.add_argument("--error-missing-start", action="store_true")
given = parser.parse_args()
assert os.path.isdir(given.folder) and "TOKEN" not in os.environ
assert given.env == ["PLAIN"] and os.environ["PLAIN"] == "visible"
outcome = json.load(open(os.path.join(given.folder, "outcome.json")))
json.dump(outcome["info"], open(given.info_out, "w"))
if outcome["code"] == 0:
    json.dump(outcome["plan"], open(given.plan_out, "w"))
sys.exit(outcome["code"])
"""
GIVEN = BuildSecrets(variables={"PLAIN": "visible", "TOKEN": "canary"}, hidden=frozenset({"TOKEN"}))


@pytest.fixture
def job():
    control = ControlPlane("http://127.0.0.1:1", "t")
    yield Job(Claim("1", "build", "t", {}), control)
    control.close()


def _ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: Job, outcome: dict):
    binary = tmp_path / "bin" / "railpack"
    binary.parent.mkdir()
    binary.write_text(STAND_IN)
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:/usr/bin:/bin")
    context, folder = tmp_path / "context", tmp_path / "folder"
    context.mkdir()
    folder.mkdir()
    (context / "outcome.json").write_text(json.dumps(outcome))
    return railpack_plan(context, folder, BuildSettings(), GIVEN, job)


def test_its_plan_decides(tmp_path, monkeypatch, job):
    outcome = {
        "code": 0,
        "info": {"success": True, "detectedProviders": ["node"]},
        "plan": {"steps": [{"name": "install"}], "deploy": {"startCommand": "node ."}},
    }
    found = _ask(tmp_path, monkeypatch, job, outcome)
    assert found
    plan, file = found
    assert (plan.provider, plan.language, plan.start_command) == (
        Provider.RAILPACK,
        "node",
        "node .",
    )
    assert file.exists()


@pytest.mark.parametrize("code", [1, 75])
def test_what_it_does_not_know_is_left_to_our_own_detection(tmp_path, monkeypatch, job, code):
    info = {"success": False, "logs": [{"Level": "error", "Msg": "no provider matched"}]}
    assert _ask(tmp_path, monkeypatch, job, {"code": code, "info": info, "plan": {}}) is None


def test_nothing_is_asked_where_it_is_absent(tmp_path, monkeypatch, job):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert railpack_plan(tmp_path, tmp_path, BuildSettings(), GIVEN, job) is None
