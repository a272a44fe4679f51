"""A Dockerfile in the repository decides, and what it says about ports is understood."""

import pytest

from shared.domain.detection import BuildSettings, MappingTree, Plan, Provider, detect
from shared.domain.errors import NothingDetected

STAGES = """\
ARG BASE=debian
ARG TOKEN
FROM ${BASE}:12 AS build
RUN make
FROM build AS base
ENV PORT=4000 NAME="a b"
FROM base AS web
EXPOSE ${PORT}
FROM base as worker
CMD ["work"]
"""


def plan(text: str, **settings: str) -> Plan:
    return detect(MappingTree({"Dockerfile": text}), BuildSettings(**settings))  # type: ignore[arg-type]


def test_it_wins_over_everything_else() -> None:
    tree = MappingTree({"Dockerfile": "FROM x\nEXPOSE 81\n", "package.json": "{}"})

    found = detect(tree)

    assert (found.provider, found.dockerfile, found.dockerfile_path) == (
        Provider.DOCKERFILE,
        None,
        "Dockerfile",
    )
    assert found.evidence[0].startswith("Dockerfile is in the repository")


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        ("EXPOSE 3000", 3000),
        ("expose 3000/tcp 3001", 3000),
        ("EXPOSE 53/udp\nEXPOSE 8053/TCP", 8053),
        ("EXPOSE 8000-8010", 8000),
        ("ENV PORT 5000\nEXPOSE $PORT", 5000),
        ("ENV PORT=5000\nEXPOSE ${PORT}", 5000),
        ("ARG PORT=5001\nENV HTTP=${PORT}\nEXPOSE $HTTP", 5001),
        ("EXPOSE ${PORT:-9000}", 9000),
        ("ENV A=1 \\\n  # a comment\n  PORT=6000\nEXPOSE $PORT", 6000),
        ("ENV PORT='7000'", 7000),
        ("RUN <<EOF\nEXPOSE 1\nEOF\nEXPOSE 2", 2),
        ("CMD run", 8080),
        ("EXPOSE $UNKNOWN", 8080),
        ("EXPOSE 99999", 8080),
    ],
)
def test_the_port_is_read_from_it(lines: str, port: int) -> None:
    assert plan(f"FROM debian\n{lines}\n").port == port


def test_the_users_port_wins() -> None:
    tree = MappingTree({"Dockerfile": "FROM x\nEXPOSE 81\n"})

    assert detect(tree, BuildSettings(port=90)).port == 90


def test_a_target_is_a_stage_by_name_or_number() -> None:
    assert plan(STAGES, dockerfile_target="WEB").port == 4000
    assert plan(STAGES, dockerfile_target="2").port == 4000
    assert plan(STAGES).dockerfile_target is None
    assert plan(STAGES).port == 4000, "ENV PORT of the stage it builds on"
    assert plan(STAGES, dockerfile_target="build").port == 8080


def test_images_and_arguments_are_listed() -> None:
    found = plan(STAGES)

    assert found.base_images == ("debian:12",)
    assert found.build_args == ("BASE", "TOKEN")


def test_an_unknown_target_names_the_stages() -> None:
    with pytest.raises(NothingDetected, match=r"no stage prod .*: build, base, web, worker"):
        plan(STAGES, dockerfile_target="prod")


def test_a_missing_path_names_the_files_there_are() -> None:
    tree = MappingTree({"docker/web.Dockerfile": "FROM x", "main.py": ""})

    with pytest.raises(NothingDetected, match=r"Dockerfile\.prod is not in .*docker/web\.Docker"):
        detect(tree, BuildSettings(dockerfile_path="./Dockerfile.prod"))
    found = detect(tree, BuildSettings(dockerfile_path="docker/web.Dockerfile"))
    assert found.dockerfile_path == "docker/web.Dockerfile"


def test_a_target_without_a_dockerfile_is_an_error() -> None:
    with pytest.raises(NothingDetected, match="there is no Dockerfile here"):
        detect(MappingTree({"main.py": ""}), BuildSettings(dockerfile_target="web"))


def test_an_empty_dockerfile_is_an_error() -> None:
    with pytest.raises(NothingDetected, match="no FROM line"):
        plan("# nothing yet\n")


def test_several_ports_and_a_foreign_frontend_are_warned_about() -> None:
    found = plan("# syntax=docker/dockerfile:1\nFROM x\nEXPOSE 1 2\n")

    assert len(found.warnings) == 2
    assert "several ports (1, 2)" in "".join(found.warnings)


def test_windows_line_ends_are_understood() -> None:
    assert plan("FROM x\r\nEXPOSE 3000\r\n").port == 3000
