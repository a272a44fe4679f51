"""`c2d env` against the platform's own endpoints: history, secrets, references, whole files."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from c2d import dotenv
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Cli
from tests.cli.test_real_endpoints import engine, platform

__all__ = ["engine", "platform"]

CANARY = "canary-8d1f"


@pytest.fixture
def web(c2d: Cli) -> str:
    c2d.ok("projects", "create", "demo")
    c2d.ok("services", "create", "web", "-p", "demo")
    return "demo/web"


def variables(c2d: Cli) -> dict[str, Any]:
    return {v["key"]: v for v in c2d.json("env", "list", "-s", "web")["items"]}


def edit_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> Path:
    """An editor that runs `script` on the text; what it was given is kept in the answer."""
    seen = tmp_path / "seen"
    program = tmp_path / "editor.py"
    program.write_text(
        "import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\ntext = file.read_text()\n"
        f"pathlib.Path({str(seen)!r}).write_text(text)\n{script}\nfile.write_text(text)\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {program}")
    return seen


def test_versions_are_listed_compared_and_restored(c2d: Cli, web: str) -> None:
    c2d.ok("env", "set", "A=1", "-s", "web")
    c2d.ok("env", "set", "SECRET=-", "--secret", "-s", "web", stdin=CANARY)
    c2d.ok("env", "set", "A=2", "-s", "web")
    c2d.ok("env", "unset", "SECRET", "-s", "web")

    listed = c2d.ok("env", "versions", "-s", "web")
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["v4", "v3", "v2", "v1"]
    assert "-SECRET" in listed
    assert "~A" in listed
    shown = c2d.ok("env", "versions", "4", "--against", "2", "-s", "web")
    assert "••••" in shown
    assert c2d.json("env", "versions", "3", "-s", "web")["items"][0]["before"] == "1"
    earlier = c2d.ok("env", "list", "--version", "2", "-s", "web")
    assert "••••" in earlier

    refused = c2d("env", "restore", "2", "-s", "web")
    assert refused.exit_code == 1
    assert "c2d env restore 2 -s demo/web --yes" in refused.stderr
    assert variables(c2d).keys() == {"A"}
    done = c2d("env", "restore", "2", "-s", "web", "--yes")
    assert "Version 5 is as version 2 was." in done.stderr
    assert {k: v["value"] for k, v in variables(c2d).items()} == {"A": "1", "SECRET": None}
    assert CANARY not in listed + shown + earlier + done.output


def test_a_secret_is_revealed_when_asked_for_and_a_sealed_one_never(c2d: Cli, web: str) -> None:
    c2d.ok("env", "set", "KEY=-", "--secret", "-s", "web", stdin=CANARY)
    c2d.ok("env", "set", "SHUT=-", "--sealed", "-s", "web", stdin=CANARY)

    assert c2d.ok("env", "reveal", "KEY", "-s", "web") == f"{CANARY}\n"
    assert c2d.json("env", "reveal", "KEY", "-s", "web") == {"key": "KEY", "value": CANARY}
    refused = c2d("env", "reveal", "SHUT", "-s", "web")
    assert (refused.exit_code, CANARY in refused.output) == (1, False)
    assert "sealed" in refused.stderr
    assert "sealed" in c2d.ok("env", "list", "-s", "web")


def test_what_others_refer_to_needs_force_to_go(c2d: Cli, web: str) -> None:
    c2d.ok("services", "create", "db", "-p", "demo")
    c2d.ok("env", "set", "ADDRESS=postgres://db", "-s", "db")
    c2d.ok("env", "set", "DSN=${{db.ADDRESS}}", "-s", "web")

    refused = c2d("env", "unset", "ADDRESS", "-s", "db")
    assert (refused.exit_code, "ADDRESS is used by web.DSN" in refused.stderr) == (1, True)
    wrong = c2d("env", "set", "X=${{db.NONE}}", "-s", "web")
    assert (wrong.exit_code, "has no variable NONE" in wrong.stderr) == (1, True)
    kept = c2d("services", "delete", "db", "--yes")
    assert (kept.exit_code, "db is used by web.DSN" in kept.stderr) == (1, True)
    c2d.ok("env", "unset", "ADDRESS", "--force", "-s", "db")
    c2d.ok("services", "delete", "db", "--force", "--yes")


def test_the_set_is_edited_as_a_text_without_its_secrets(
    c2d: Cli, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c2d.ok("env", "set", "A=1", "GONE=x", "TEXT=two words # no comment", "-s", "web")
    c2d.ok("env", "set", "KEY=-", "NEXT=old", "--sealed", "-s", "web", stdin=CANARY)
    script = (
        "text = text.replace('A=1', 'A=3').replace('GONE=x', '').replace('NEXT=<unchanged>',"
        " 'NEXT=new') + 'NEW=\\'4\\'\\n'"
    )
    seen = edit_with(monkeypatch, tmp_path, script)

    asked = c2d("env", "edit", "-s", "web")
    assert (asked.exit_code, "Remove GONE?" in asked.stderr) == (1, True)
    assert variables(c2d)["A"]["value"] == "1"
    done = c2d("env", "edit", "-s", "web", "--yes")

    assert done.exit_code == 0, done.output
    assert done.stderr.split()[:8] == ["+", "NEW", "~", "A", "~", "NEXT", "-", "GONE"]
    text = seen.read_text()
    assert "KEY=<unchanged>  # sealed" in text
    assert 'TEXT="two words # no comment"' in text
    assert CANARY not in text + done.output
    after = variables(c2d)
    assert {k: v["value"] for k, v in after.items() if not v["secret"]} == {
        "A": "3",
        "NEW": "4",
        "TEXT": "two words # no comment",
    }
    assert (after["KEY"]["sealed"], after["NEXT"]["sealed"]) == (True, True)
    assert (after["KEY"]["version"], after["NEXT"]["version"]) == (4, 6)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("pass", "Nothing was changed"),
        ("text += 'not a variable'", "this is not KEY=VALUE"),
        ("text += 'FRESH=<unchanged>'", "stands for a secret that is there already"),
        ("sys.exit(3)", "ended with code 3: nothing was changed"),
    ],
)
def test_an_edit_that_comes_to_nothing_changes_nothing(
    c2d: Cli, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    c2d.ok("env", "set", "A=1", "-s", "web")
    edit_with(monkeypatch, tmp_path, script)
    assert said in c2d("env", "edit", "-s", "web", "--yes").stderr
    assert {k: v["value"] for k, v in variables(c2d).items()} == {"A": "1"}


def test_an_edit_that_was_overtaken_keeps_the_text_and_changes_nothing(
    c2d: Cli, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c2d.ok("env", "set", "A=1", "-s", "web")
    other = [sys.executable, "-m", "c2d", "env", "set", "A=2", "-s", "web"]
    script = f"import subprocess\nsubprocess.run({other!r}, check=True)\ntext = 'A=3\\n'"
    edit_with(monkeypatch, tmp_path, script)

    refused = c2d("env", "edit", "-s", "web", "--yes")

    assert (refused.exit_code, "somebody has made version 2" in refused.stderr) == (1, True)
    kept = Path(refused.stderr.split("Your text is in ")[1].split(". See")[0])
    assert kept.read_text() == "A=3\n"
    assert variables(c2d)["A"]["value"] == "2"


def test_a_pulled_file_is_private_and_holds_secrets_only_when_asked(c2d: Cli, web: str) -> None:
    c2d.ok("env", "set", "A=1", 'B=say "hi"\\n', "-s", "web")
    c2d.ok("env", "set", "KEY=-", "--secret", "-s", "web", stdin=f"{CANARY}\nline two")
    c2d.ok("env", "set", "SHUT=x", "--sealed", "-s", "web")

    c2d.ok("env", "pull", "-s", "web")
    text = Path(".env").read_text()
    assert "# KEY is secret\n" in text
    assert CANARY not in text
    assert Path(".env").stat().st_mode & 0o777 == 0o600
    assert c2d("env", "pull", "-s", "web").exit_code == 1
    answer = c2d.json("env", "pull", ".env", "--reveal", "--yes", "-s", "web")
    assert answer["hidden"] == ["SHUT"]
    assert dotenv.parse(Path(".env").read_text(), ".env") == {
        "A": "1",
        "B": 'say "hi"\\n',
        "KEY": f"{CANARY}\nline two",
    }


def test_a_pushed_file_keeps_the_secrets_it_does_not_name(c2d: Cli, web: str) -> None:
    c2d.ok("env", "set", "A=1", "OLD=1", "-s", "web")
    c2d.ok("env", "set", "KEY=x", "OTHER=y", "--secret", "-s", "web")
    Path(".env").write_text("A=2\nKEY=<unchanged>\nNEW=3\n")

    assert "Remove OLD?" in c2d("env", "push", "-s", "web").stderr
    done = c2d.json("env", "push", "-s", "web", "--yes")

    assert (done["added"], done["changed"], done["removed"]) == (["NEW"], ["A"], ["OLD"])
    assert c2d.ok("env", "reveal", "KEY", "-s", "web") == "x\n"
    assert c2d.ok("env", "reveal", "OTHER", "-s", "web") == "y\n"
    assert json.loads(c2d.ok("env", "push", "-s", "web", "--json"))["version"] == done["version"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_written_line_is_read_as_the_same_value(value: str) -> None:
    value = value.replace("\r\n", "\n")
    text = f"FIRST=1\n{dotenv.line('KEY', value)}\nLAST=2\n"
    assert dotenv.parse(text, ".env") == {"FIRST": "1", "KEY": value, "LAST": "2"}
