"""Commands that become part of a Dockerfile, and those of Railpack."""

import json

import pytest

from shared.domain.detection import BuildSettings, Generation
from shared.domain.detection.dockerfile import Dockerfile, foreground
from shared.domain.detection.railpack import (
    Prepared,
    buildctl_argv,
    buildx_argv,
    prepare_argv,
    read_plan,
)
from shared.domain.errors import NothingDetected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("node server.js", "exec node server.js"),
        ("gunicorn 'a:make()' -b :$PORT", "exec gunicorn 'a:make()' -b :$PORT"),
        ("cd src && node x.js", "cd src && exec node x.js"),
        ("A=1 B=2 node x.js", "exec env A=1 B=2 node x.js"),
        ('sh -c "a && b"', 'sh -c "a && b"'),
        ("a; b", "a; b"),
        ("a | b", "a | b"),
        ("a & b", "a & b"),
        ("a || b && c", "a || b && c"),
        ("exec node x.js", "exec node x.js"),
        ("cd src", "cd src"),
        ("if x; then y; fi", "if x; then y; fi"),
        ("a\nb", "a\nb"),
    ],
)
def test_the_last_process_takes_the_shells_place(command: str, expected: str) -> None:
    assert foreground(command) == expected


@pytest.mark.parametrize("command", ["a\nb", "cat <<EOF", "a \\"])
def test_a_command_that_is_not_one_line_becomes_a_list(command: str) -> None:
    file = Dockerfile(Generation())

    file.run(command)

    line = file.text().removeprefix("RUN ")
    assert json.loads(line) == ["sh", "-c", command]


def test_a_path_with_a_space_is_copied_whole() -> None:
    file = Dockerfile(Generation())

    file.copy("my file.txt", to="./my folder/")

    assert file.text() == 'COPY ["my file.txt", "./my folder/"]\n'


def test_railpack_is_told_names_and_never_values() -> None:
    settings = BuildSettings(build_command="make", start_command="./run")

    assert prepare_argv("railpack", "/src", "/p.json", "/i.json", settings, ["B", "A"]) == [
        "railpack", "prepare", "/src", "--plan-out", "/p.json", "--info-out", "/i.json",
        "--error-missing-start", "--build-cmd", "make", "--start-cmd", "./run",
        "--env", "A", "--env", "B",
    ]  # fmt: skip


def test_railpacks_frontend_gets_plan_cache_key_and_secrets() -> None:
    prepared = Prepared("/src", "/out/plan.json", "0.37.0", "key", "digest", ("TOKEN",))

    buildx, buildctl = buildx_argv(prepared, "app:1"), buildctl_argv(prepared, "type=oci,dest=x")

    assert "BUILDKIT_SYNTAX=ghcr.io/railwayapp/railpack-frontend:v0.37.0" in buildx
    assert buildx[-5:] == ["--secret", "id=TOKEN,env=TOKEN", "--file", "/out/plan.json", "/src"]
    assert "source=ghcr.io/railwayapp/railpack-frontend:v0.37.0" in buildctl
    assert "dockerfile=/out" in buildctl
    assert "filename=plan.json" in buildctl
    assert "build-arg:secrets-hash=digest" in buildctl


def test_railpacks_answer_becomes_a_plan() -> None:
    info = {
        "success": True,
        "detectedProviders": ["python"],
        "resolvedPackages": {"python": {"name": "python", "resolvedVersion": "3.13.2"}},
    }
    plan = {"steps": [{"name": "install"}, {"name": "build"}], "deploy": {"startCommand": "run"}}

    found = read_plan(json.dumps(info), json.dumps(plan), BuildSettings(port=90))

    assert (found.provider, found.language, found.start_command, found.port) == (
        "railpack",
        "python",
        "run",
        90,
    )
    assert found.evidence == (
        "Railpack detected python",
        "python 3.13.2",
        "its plan has the steps install, build",
    )


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"logs": [{"Level": "error", "Msg": "no start command"}]}, "no start command"),
        ({"logs": [{"Level": "info", "Msg": "hello"}]}, "it gave no reason"),
    ],
)
def test_railpacks_failure_is_passed_on(info: dict[str, object], words: str) -> None:
    with pytest.raises(NothingDetected, match=words):
        read_plan(json.dumps(info), None, BuildSettings())


def test_what_railpack_left_broken_is_a_failure_too() -> None:
    with pytest.raises(NothingDetected, match="it gave no reason"):
        read_plan("{", None, BuildSettings())
