"""The packet filter rules in a real kernel: each test has a network namespace of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import firewall
from infra.local.firewall_rules import Policy

pytestmark = pytest.mark.docker

PROJECT = Path(__file__).resolve().parents[2]


def in_a_fresh_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run shell lines as root of an empty packet filter; `ours` lists what is left of ours."""
    prelude = (
        "set -e\n"
        f"rules() {{ {sys.executable} -m infra.local.firewall $1 > /dev/null; }}\n"
        "ours() { { iptables -S; ip6tables -S; } | grep C2D || true; }\n"
    )
    return subprocess.run(
        ["unshare", "--net", "sh", "-c", prelude + script],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_applying_twice_is_applying_once_and_removal_leaves_nothing() -> None:
    done = in_a_fresh_namespace(
        "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; before=$(iptables -S)\n"
        'rules ensure; first=$(ours); rules ensure; [ "$first" = "$(ours)" ]\n'
        'rules inspect; echo "$first"\n'
        'rules remove; [ -z "$(ours)" ]; [ "$before" = "$(iptables -S)" ]; rules remove\n'
    )
    assert done.returncode == 0, done.stderr
    assert "-A INPUT -j C2D-INPUT" in done.stdout
    assert "-A DOCKER-USER -j C2D-FORWARD" in done.stdout


@pytest.mark.parametrize(
    "meddling",
    [
        "iptables -F C2D-HOST",
        "iptables -D C2D-OUT 1",
        "iptables -I INPUT 1 -j ACCEPT",
        "iptables -D INPUT -j C2D-INPUT",
        "iptables -F",
        "ip6tables -F",
        "iptables -F INPUT; iptables -F C2D-INPUT; iptables -X C2D-INPUT",
        "iptables -A INPUT -j C2D-INPUT",
    ],
)
def test_what_somebody_else_changed_is_noticed_and_put_right(meddling: str) -> None:
    done = in_a_fresh_namespace(
        f"rules ensure; first=$(ours); {meddling}; ! rules inspect; rules ensure; rules inspect\n"
        '[ "$(echo "$first" | sort)" = "$(ours | sort)" ]\n'
        "iptables -S INPUT | sed -n 2p\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "-A INPUT -j C2D-INPUT"


def test_somebody_elses_rules_stay() -> None:
    theirs = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
    done = in_a_fresh_namespace(f"iptables {theirs}; rules ensure; rules remove; iptables -S INPUT")
    assert theirs in done.stdout


def test_another_user_than_root_is_told_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for report in (firewall.ensure(Policy((7080,))), firewall.inspect(Policy((7080,)))):
        assert not report.enforced
        assert not report.changed
        [gap] = report.gaps
        assert "169.254.169.254" in gap
        assert "sudo make firewall" in gap


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    report = firewall.ensure(Policy((7080,)))
    assert not report.enforced
    assert any(gap.startswith("iptables is not installed") for gap in report.gaps)
    assert any(gap.startswith("ip6tables is not installed") for gap in report.gaps)
