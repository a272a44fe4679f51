"""Real builds on a real Docker engine, from a repository to an image."""

import json

import pytest

from infra.agent.build.handler import OUTPUT_BYTES, fitted
from tests.agent.building.conftest import Agent, docker
from tests.agent.building.git_servers import git
from tests.agent.building.processes import (
    PYTHON,
    unique,
)
from tests.agent.control_plane import FakeControlPlane

pytestmark = pytest.mark.docker

SMALL: dict[str, str | bytes] = {
    "package.json": '{"name": "a", "scripts": {"start": "node server.js"}}',
    "server.js": "1\n",
}
NODE = "FROM node:20-bookworm-slim\n"


def test_a_dockerfile_becomes_an_image_that_runs(agent: Agent):
    repository = agent.repository(
        {
            "Dockerfile": f'{PYTHON}COPY hello.py /\nEXPOSE 9000\nCMD ["python3", "/hello.py"]\n',
            "hello.py": "print('hello from the image')",
        }
    )
    output = agent.built(repository)
    assert output["image"].startswith("sha256:")
    assert docker("image", "inspect", "-f", "{{.Id}}", output["image_tag"]) == output["image"]
    assert docker("run", "--rm", "--network=none", output["image"]) == "hello from the image"
    assert output["port"] == 9000
    assert output["provider"] == "dockerfile"
    assert output["sha"] == git(repository.work, "rev-parse", "HEAD")
    assert output["commit_message"] == "first"
    assert output["size_bytes"] > 100_000_000
    assert set(output["timings"]) == {"clone_ms", "detect_ms", "build_ms", "push_ms"}
    assert output["warnings"] == []
    assert len(json.dumps(output)) < OUTPUT_BYTES
    assert "Detected: Dockerfile is in the repository" in agent.last_log
    assert "COPY hello.py /" in agent.last_log


def test_a_source_without_dockerfile_is_detected_and_built(agent: Agent):
    repository = agent.repository(
        {"app.py": "import flask\napp = flask.Flask(__name__)\n", "requirements.txt": "flask\n"}
    )
    output = agent.built(repository)
    assert output["provider"] == "own"
    assert output["language"].lower() == "python"
    assert output["start_command"]
    assert "Detected: " in agent.last_log


def test_nothing_to_detect_is_said(agent: Agent):
    kind, reason = agent.failed(agent.repository({"README.md": "# nothing"}))
    assert kind == "NothingDetected"
    assert "Dockerfile" in reason


def test_the_root_directory_is_the_context(agent: Agent):
    repository = agent.repository(
        {
            "web/Dockerfile": f"{PYTHON}COPY here.txt /\n",
            "web/here.txt": "x",
            "Dockerfile": "NONSENSE",
        }
    )
    assert agent.built(repository, root_directory="web")["provider"] == "dockerfile"


def test_path_and_target_of_the_dockerfile_are_chosen(agent: Agent):
    text = "FROM python:3.11-slim-bookworm AS one\nENV STAGE=one\nFROM one AS two\nENV STAGE=two\n"
    repository = agent.repository({"docker/Web.Dockerfile": text})
    output = agent.built(
        repository, dockerfile_path="docker/Web.Dockerfile", dockerfile_target="one"
    )
    assert "STAGE=one" in docker("image", "inspect", "-f", "{{.Config.Env}}", output["image"])


def test_dockerignore_holds_and_git_is_never_in_the_context(agent: Agent):
    listing = f"{PYTHON}COPY . /all\nRUN ls -A /all\n"
    repository = agent.repository(
        {"Dockerfile": listing, ".dockerignore": "left-out.txt\n", "left-out.txt": "x", "kept": "x"}
    )
    image = agent.built(repository)["image"]
    names = docker("run", "--rm", "--network=none", image, "ls", "-A", "/all").split()
    assert "kept" in names
    assert "left-out.txt" not in names
    assert ".git" not in names


def test_a_dockerfile_that_links_out_of_the_repository_is_refused(agent: Agent):
    repository = agent.repository({"x": "x"})
    (repository.work / "Dockerfile").symlink_to("/etc/passwd")
    repository.commit({})
    kind, reason = agent.failed(repository, dockerfile_path="Dockerfile")
    assert kind in {"BuildFailed", "NothingDetected"}
    assert "root:" not in agent.last_log + reason


@pytest.mark.parametrize(
    ("files", "kind", "said"),
    [
        (
            {"Dockerfile": f"{PYTHON}COPY nothing.txt /x\n"},
            "BuildFailed",
            "The build context has no nothing.txt; check",
        ),
        ({"Dockerfile": f"{PYTHON}RUNN x\n"}, "BuildFailed", "unknown instruction: RUNN"),
        ({"Dockerfile": "FROM nothing/such:1\n"}, "BuildFailed", "base image nothing/such:1"),
        (
            {"Dockerfile": f"{PYTHON}RUN pip install nosuchpackage-c2d==9.9\n"},
            "BuildFailed",
            "pip finds no version of nosuchpackage-c2d==9.9",
        ),
        (
            {
                "Dockerfile": f"{NODE}COPY package.json .\nRUN npm run build\n",
                "package.json": "{}",
            },
            "BuildFailed",
            'no script "build"',
        ),
        (
            {"Dockerfile": f"{PYTHON}RUN echo starting && echo 'it went wrong' && exit 3\n"},
            "BuildFailed",
            "exit code 3: it went wrong",
        ),
        (
            {"Dockerfile": f"{PYTHON}RUN nosuchcommand\n"},
            "BuildFailed",
            "command nosuchcommand is not in the image",
        ),
        (
            {"Dockerfile": f"{PYTHON}RUN dd if=/dev/zero of=/dev/shm/f bs=1M count=99\n"},
            "DiskFull",
            "no space left",
        ),
    ],
    ids=["copy", "parse", "base", "pip", "npm", "exit", "command", "disk"],
)
def test_a_failed_build_names_its_cause(agent: Agent, files, kind, said):
    found, reason = agent.failed(agent.repository(files))
    assert found == kind
    assert said in reason
    assert reason.endswith(".")
    assert docker("image", "ls", "-q", agent.images[-1]) == ""


def test_ansi_colours_reach_the_log(agent: Agent):
    paint = f"{PYTHON}RUN printf '\\033[31mred\\033[0m\\n' # {unique()}\n"
    agent.built(agent.repository({"Dockerfile": paint}))
    assert "\x1b[31mred\x1b[0m" in agent.last_log


def test_a_syntax_line_can_be_stripped(agent: Agent):
    agent.configure(strip_syntax=True)
    text = f"# syntax=docker/dockerfile:1\n{PYTHON}RUN echo {unique()}\n"
    agent.built(agent.repository({"Dockerfile": text}))


def test_a_build_that_prints_200_mb_ends_with_head_and_tail(agent: Agent, plane: FakeControlPlane):
    text = (
        f"{PYTHON}RUN echo first line; yes $(head -c 150 /dev/zero | tr '\\0' x) "
        f"| head -c 200000000; echo; echo last line >&2 # {unique()}\n"
    )
    job_id = agent.start(agent.repository({"Dockerfile": text}))
    assert plane.result(job_id, 240)["outcome"] == "succeeded"
    log = plane.text(job_id)
    assert " first line\n" in log
    assert " last line\n" in log
    assert len(log) < 45_000_000
    # An engine with default settings clips a step's output itself, and says so.
    assert "are missing here" in log or "output clipped" in log


def test_a_long_output_is_cut_to_its_limit():
    output = fitted({"evidence": ["e" * 500] * 30, "warnings": ["w" * 500] * 30, "sha": "x"})
    assert len(json.dumps(output)) <= OUTPUT_BYTES
    assert output["sha"] == "x"


def test_an_image_made_of_the_same_is_used_again_under_the_next_tag(agent: Agent):
    """Source, variables and base images decide; whoever asks for a build without cache gets it."""
    repository = agent.repository(SMALL)
    again = "used again, not built"
    first = agent.built(repository)
    assert again not in agent.last_log
    second = agent.built(repository)
    assert again in agent.last_log
    assert second["image"] == first["image"]
    assert second["size_bytes"] == first["size_bytes"]
    assert second["image_tag"] != first["image_tag"]
    assert docker("image", "inspect", "-f", "{{.Id}}", second["image_tag"]) == first["image"]
    agent.built(repository, no_cache=True)
    assert again not in agent.last_log
    value = {"env": {"COLOUR": {"value": "blue", "secret": True}}}
    agent.built(repository, secrets=value)
    assert again not in agent.last_log
    agent.built(repository, start_command="node server.js --more")
    assert again not in agent.last_log
    repository.commit({"server.js": "2\n"})
    agent.built(repository)
    assert again not in agent.last_log


def test_a_base_image_that_changed_is_built_upon_anew(agent: Agent):
    repository, base = agent.repository(SMALL), f"c2d/{unique()}:base"
    agent.images.append(base)
    docker("tag", "node:20-bookworm-slim", base)
    bases = {"node:20-bookworm-slim": base}
    first = agent.built(repository, base_images=bases)
    assert agent.built(repository, base_images=bases)["image"] == first["image"]
    made = docker("create", base)
    docker("commit", "--change", "ENV NEWER=yes", made, base)
    docker("rm", made)
    image = agent.built(repository, base_images=bases)["image"]
    assert "NEWER=yes" in docker("image", "inspect", "-f", "{{.Config.Env}}", image)


def test_an_image_of_another_service_or_of_a_dockerfile_is_not_used_again(agent: Agent):
    repository = agent.repository(SMALL)
    own = agent.built(repository)
    agent.service = f"{agent.service}other"
    agent.built(repository)
    assert "used again" not in agent.last_log
    derived = agent.repository({**SMALL, "Dockerfile": f"FROM {own['image_tag']}\n"}, "derived")
    for _ in range(2):
        image = agent.built(derived)["image"]
        assert "used again" not in agent.last_log
    label = '{{index .Config.Labels "c2d.made-of"}}'
    assert docker("image", "inspect", "-f", label, own["image"])
    assert not docker("image", "inspect", "-f", label, image)
