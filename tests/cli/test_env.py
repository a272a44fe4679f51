"""`c2d env`: values go in, secrets never come out."""

from pathlib import Path
from typing import Any

import pytest
from c2d import dotenv
from c2d.errors import CliError

from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform

CANARY = "canary-4f1c9e"


@pytest.fixture
def stored(platform: FakePlatform, web: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return platform.world.variables[web["id"]]


def test_set_adds_and_changes(c2d: Cli, stored: dict[str, dict[str, Any]]) -> None:
    c2d.ok("env", "set", "A=1", "B=x=y", "-s", "web")
    c2d.ok("env", "set", "A=2", "-s", "web")

    assert {key: each["value"] for key, each in stored.items()} == {"A": "2", "B": "x=y"}


def test_a_secret_from_stdin_is_stored_and_never_shown(
    c2d: Cli, stored: dict[str, dict[str, Any]]
) -> None:
    shown = [c2d("env", "set", "KEY=-", "--secret", "-s", "web", stdin=f"{CANARY}\n")]
    shown += [
        c2d(*line, "-s", "web")
        for line in (("env", "list"), ("env", "list", "--json"), ("env", "set", "OTHER=1"))
    ]

    assert stored["KEY"]["value"] == CANARY
    assert stored["KEY"]["secret"] is True
    assert [result.exit_code for result in shown] == [0, 0, 0, 0]
    assert not any(CANARY in result.output for result in shown)
    assert "••••" in shown[1].stdout


def test_a_secret_stays_one_when_its_value_changes(
    c2d: Cli, stored: dict[str, dict[str, Any]]
) -> None:
    c2d.ok("env", "set", "KEY=1", "--secret", "--available", "build", "-s", "web")
    c2d.ok("env", "set", "KEY=2", "-s", "web")

    assert stored["KEY"]["secret"] is True
    assert stored["KEY"]["available"] == "build"


def test_a_refused_value_is_not_repeated_in_the_error(c2d: Cli, web: dict[str, Any]) -> None:
    for json in ((), ("--json",)):
        result = c2d("env", "set", f"not-a-name={CANARY}", "-s", "web", *json)

        assert result.exit_code == 1
        assert "key: is not a name" in result.stderr
        assert CANARY not in result.output


def test_only_one_value_can_come_from_stdin(c2d: Cli, stored: dict[str, dict[str, Any]]) -> None:
    result = c2d("env", "set", "A=-", "B=-", "-s", "web", stdin="x")

    assert result.exit_code == 1
    assert not stored


def test_unset_is_all_or_nothing(c2d: Cli, stored: dict[str, dict[str, Any]]) -> None:
    c2d.ok("env", "set", "A=1", "B=2", "-s", "web")

    assert c2d("env", "unset", "A", "C", "-s", "web").exit_code == 1
    assert set(stored) == {"A", "B"}
    c2d.ok("env", "unset", "A", "-s", "web")
    assert set(stored) == {"B"}


def test_diff_names_keys_and_no_values(c2d: Cli, stored: dict[str, dict[str, Any]]) -> None:
    c2d.ok("env", "set", "OLD=1", "SAME=2", "CHANGED=3", "-s", "web")
    Path(".env").write_text(f"SAME=2\nCHANGED={CANARY}\nNEW={CANARY}\n")

    result = c2d("env", "diff", ".env", "-s", "web")

    assert result.exit_code == 0
    assert result.stderr.split() == ["+", "NEW", "~", "CHANGED", "-", "OLD", "1", "unchanged"]
    assert CANARY not in result.output
    assert "NEW" not in stored


def test_import_asks_before_it_removes(c2d: Cli, stored: dict[str, dict[str, Any]]) -> None:
    c2d.ok("env", "set", "OLD=1", "-s", "web")
    Path(".env").write_text("NEW=2\n")

    refused = c2d("env", "import", ".env", "-s", "web")

    assert refused.exit_code == 1
    assert "c2d env import .env -s demo/web --yes" in refused.stderr
    assert set(stored) == {"OLD"}
    c2d.ok("env", "import", ".env", "-s", "web", "--yes")
    assert set(stored) == {"NEW"}


def test_import_merges_when_told_to(c2d: Cli, stored: dict[str, dict[str, Any]]) -> None:
    c2d.ok("env", "set", "OLD=1", "-s", "web")

    c2d.ok("env", "import", "-", "--merge", "--secret", "-s", "web", stdin="NEW=2\n")

    assert {key: each["secret"] for key, each in stored.items()} == {"OLD": False, "NEW": True}


def test_import_keeps_secrets_secret(c2d: Cli, stored: dict[str, dict[str, Any]]) -> None:
    c2d.ok("env", "set", "KEY=1", "--secret", "-s", "web")
    Path(".env").write_text("KEY=2\n")

    c2d.ok("env", "import", ".env", "-s", "web")

    assert (stored["KEY"]["value"], stored["KEY"]["secret"]) == ("2", True)


def test_what_is_pending_is_said(c2d: Cli, platform: FakePlatform, web: dict[str, Any]) -> None:
    c2d.ok("deploy", "web", "--wait")

    assert "Running v0, v1 pending" in c2d("env", "set", "A=1", "-s", "web").stderr


def test_a_dotenv_file_is_read_as_people_write_it() -> None:
    text = (
        "\ufeff# a comment\r\nexport A=1\n\nB = two words # and a comment\nC='single $x \\n'\n"
        'D="two\\nlines"\nE="over\nlines" # end\nF=\nG=a#b\nH="say \\"hi\\""'
    )

    assert dotenv.parse(text, ".env") == {
        "A": "1",
        "B": "two words",
        "C": "single $x \\n",
        "D": "two\nlines",
        "E": "over\nlines",
        "F": "",
        "G": "a#b",
        "H": 'say "hi"',
    }


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"A=1\n{CANARY}\n", "line 2: this is not KEY=VALUE"),
        (f'A=1\nB="{CANARY}\n', "line 2: the quote is never closed"),
        ("A=1\nA=2\n", "line 2: A is given twice"),
        (f"A='1' {CANARY}\n", "line 1: something follows the closing quote"),
    ],
)
def test_a_wrong_line_is_named_by_number_only(text: str, place: str) -> None:
    with pytest.raises(CliError) as caught:
        dotenv.parse(text, ".env")

    assert place in caught.value.message
    assert CANARY not in caught.value.message
