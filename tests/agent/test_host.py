"""What makes a machine a host of the agent: a wheel, units and user data, checked by their own."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.agent_host.__main__ import main
from infra.agent_host.closure import closure
from infra.agent_host.cloud_init import Wheel, user_data
from infra.agent_host.distribution import PROGRAMS, build_wheel
from infra.agent_host.host import AGENT, FILTER, ROUTER, TIMER, BadHostError, Host, checked_token

TOKEN = "c2da_" + "x" * 43
WHEEL = Wheel("https://files.example/click_to_deploy_agent-0.1.0-py3-none-any.whl", "a" * 64)
URL = "https://deploy.example"


def host(roles: str, **more: Any) -> Host:
    return Host(URL, tuple(roles.split(",")), **more)


def test_the_agent_carries_nothing_of_the_control_plane() -> None:
    parts = closure(PROGRAMS)
    assert set(parts.packages) == {"docker", "httpx", "pydantic", "requests", "urllib3"}
    allowed = re.compile(
        r"infra/(agent|agent_host|caddy|local)/|shared/(domain|ports)/"
        r"|shared/adapters/(docker|agents)/|(infra|shared|shared/adapters)/__init__\.py$"
    )
    assert [name for name in parts.files if not allowed.match(name)] == []
    assert [name for name in parts.files if name.startswith("infra/local/")] == [
        "infra/local/__init__.py",
        "infra/local/errors.py",
        "infra/local/firewall.py",
        "infra/local/firewall_rules.py",
    ]


def test_the_wheel_is_the_same_each_time_and_lists_what_it_holds(tmp_path: Path) -> None:
    first, second = build_wheel(tmp_path / "a"), build_wheel(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
        (record,) = (name for name in names if name.endswith("RECORD"))
        listed = [line.split(",")[0] for line in archive.read(record).decode().splitlines()]
        about = archive.read(record.replace("RECORD", "METADATA")).decode()
    assert sorted(listed) == sorted(names)
    assert len(re.findall(r"^Requires-Dist: \w+==[\d.]+$", about, re.MULTILINE)) == 5


@pytest.mark.parametrize("roles", ["build", "edge", "build,edge"])
def test_systemd_takes_the_units(roles: str, tmp_path: Path) -> None:
    units = host(roles).units()
    assert set(units) - {ROUTER} == {AGENT, FILTER, TIMER}
    assert (ROUTER in units) == ("edge" in roles)
    for name, text in units.items():
        here = text.replace("/opt/click-to-deploy/bin/python", sys.executable)
        assert "{" not in here, "everything is filled in"
        (tmp_path / name).write_text(here)
    argv = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if "click-to-deploy" in line]
    assert said == []


def test_systemd_waits_longer_than_the_drain_and_stops_the_agent_alone() -> None:
    unit = host("build", drain_seconds=1200).units()[AGENT]
    stop = int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0])
    assert stop >= 1200 + 30
    assert "KillMode=mixed" in unit, "SIGTERM for its git and docker would end the build"
    assert "C2D_AGENT_DRAIN_SECONDS=1200" in host("build", drain_seconds=1200).environment_file()


def test_only_builds_ask_for_root() -> None:
    assert "\nUser=root\n" in host("build").units()[AGENT]
    edge = host("edge").units()[AGENT]
    assert "\nUser=click-to-deploy\n" in edge
    assert edge.endswith("CapabilityBoundingSet=\n\n[Install]\nWantedBy=multi-user.target\n")
    for text in (edge, host("build").units()[AGENT], host("edge").units()[ROUTER]):
        assert {"NoNewPrivileges=yes", "ProtectSystem=strict"} <= set(text.splitlines())


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """cloud-init's own description of user data, out of its package."""
    folder = tmp_path_factory.mktemp("cloud-init")
    folder.chmod(0o777)
    fetch = ["apt-get", "download", "cloud-init"]
    done = subprocess.run(fetch, cwd=folder, capture_output=True, timeout=120, check=False)
    if done.returncode:
        subprocess.run(["apt-get", "update"], capture_output=True, timeout=240, check=True)
        subprocess.run(fetch, cwd=folder, capture_output=True, timeout=120, check=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg", "-x", str(package), str(folder / "x")], timeout=60, check=True)
    (found,) = (folder / "x").rglob("schema-cloud-config-v1.json")
    read: dict[str, Any] = json.loads(found.read_text())
    return read


@pytest.mark.parametrize("roles", ["build", "edge", "build,edge"])
def test_cloud_init_takes_the_user_data(roles: str, schema: dict[str, Any]) -> None:
    text = user_data(host(roles, name="b-1"), TOKEN, WHEEL)
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    jsonschema.Draft4Validator(schema).validate(document)
    document["runcmd"] = [[{"not": "a command"}]]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema).validate(document)


@pytest.mark.parametrize("roles", ["build", "edge"])
def test_a_machine_gets_its_token_privately_and_checks_what_it_fetches(roles: str) -> None:
    document = yaml.safe_load(user_data(host(roles), TOKEN, WHEEL))
    files = {each["path"]: each for each in document["write_files"]}
    holds = [path for path, each in files.items() if TOKEN in each["content"]]
    assert holds == ["/etc/click-to-deploy/agent.token"]
    assert files[holds[0]]["permissions"] == "0600"
    assert ("caddy" in document["packages"]) == (roles == "edge")
    script = files["/usr/local/sbin/click-to-deploy-install"]["content"]
    steps = script.splitlines()
    assert steps[1] == "set -eu"
    checked = next(i for i, step in enumerate(steps) if WHEEL.sha256 in step)
    installed = next(i for i, step in enumerate(steps) if "pip install" in step)
    assert checked < installed < len(steps) - 1
    assert steps[-1].startswith("systemctl enable --now")
    assert shutil.which("sh")
    subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=10)


def test_a_wheel_that_is_another_is_not_installed(tmp_path: Path) -> None:
    document = yaml.safe_load(user_data(host("build"), TOKEN, WHEEL))
    script = document["write_files"][-1]["content"]
    check = next(line for line in script.splitlines() if "sha256sum" in line)
    wheel = tmp_path / "wheel"
    wheel.write_bytes(b"the wheel")
    digest = hashlib.sha256(b"the wheel").hexdigest()
    here = check.replace(WHEEL.file, str(wheel))

    def code(line: str) -> int:
        return subprocess.run(["sh", "-c", line], timeout=10, check=False).returncode

    assert code(here.replace(WHEEL.sha256, digest)) == 0
    assert code(here) != 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"roles": ("paint",)}, "paint"),
        ({"roles": ()}, "none"),
        ({"url": "deploy.example"}, "no address"),
        ({"settings": {"DATABASE_URL": "postgresql://"}}, "DATABASE_URL is no setting"),
        ({"settings": {"C2D_AGENT_TOKEN": TOKEN}}, "C2D_AGENT_TOKEN is no setting"),
        ({"settings": {"C2D_DOCKER": "a\nExecStart=b"}}, "one line"),
    ],
)
def test_what_makes_no_sense_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadHostError, match=said):
        Host(**{"url": URL, "roles": ("build",), **given})


def test_a_persons_token_never_goes_to_a_host() -> None:
    assert checked_token(f"{TOKEN}\n") == TOKEN
    for text in ("c2d_" + "x" * 43, "", "c2da_short"):
        with pytest.raises(BadHostError, match="no agent registration token"):
            checked_token(text)


def test_the_commands_write_what_a_host_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wheel", "--out", str(tmp_path)]) == 0
    (wheel,) = tmp_path.glob("*.whl")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in capsys.readouterr().out
    token = tmp_path / "token"
    token.write_text(TOKEN)
    asked = ["cloud-init", "--url", URL, "--token-file", str(token), "--wheel-url", WHEEL.url]
    assert main([*asked, "--wheel", str(wheel), "--setting", "C2D_AGENT_BUILDS=4"]) == 0
    printed = capsys.readouterr().out
    assert "C2D_AGENT_BUILDS=4" in printed
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in printed
    assert main(asked) == 1
    assert "--wheel-sha256" in capsys.readouterr().err
    assert main(["units", "--out", str(tmp_path / "u"), "--url", URL, "--roles", "edge"]) == 0
    assert (tmp_path / "u" / ROUTER).is_file()
