"""Real builds on a real Docker engine, from a repository to an image."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from infra.agent.build.handler import OUTPUT_BYTES, fitted
from infra.agent.workspace import Workspace
from tests.agent.building.conftest import Agent, docker
from tests.agent.building.git_servers import git
from tests.agent.control_plane import FakeControlPlane

pytestmark = pytest.mark.docker

CANARY = "canary-5d41402abc4b2a76"
NODE = "FROM node:20-bookworm-slim\n"
PYTHON = "FROM python:3.11-slim-bookworm\n"


def _unique() -> str:
    return os.urandom(6).hex()


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


def test_a_step_over_its_memory_is_killed_and_named(agent: Agent):
    eat = f'{PYTHON}RUN python3 -c "x = bytearray(600 << 20) # {_unique()}"\n'
    kind, reason = agent.failed(agent.repository({"Dockerfile": eat}), limits={"memory_mb": 300})
    assert kind == "BuildOutOfMemory"
    assert "limit of 300 MiB" in reason


def test_a_step_that_uses_less_than_its_memory_passes(agent: Agent):
    eat = f'{PYTHON}RUN python3 -c "x = bytearray(200 << 20) # {_unique()}"\n'
    agent.built(agent.repository({"Dockerfile": eat}), limits={"memory_mb": 300})


def test_a_step_gets_no_more_cpu_than_its_share(agent: Agent):
    burn = (
        "import time; start = time.monotonic(); "
        "[None for _ in iter(lambda: time.monotonic() - start < 2, False)]; "
        "print('share', time.process_time() / 2)"
    )
    repository = agent.repository(
        {"Dockerfile": f'{PYTHON}RUN python3 -c "{burn} # {_unique()}"\n'}
    )
    agent.built(repository, limits={"cpus": 0.25})
    (line,) = [
        line for line in agent.last_log.splitlines() if " share " in line and line.startswith("#")
    ]
    assert float(line.split()[-1]) < 0.4


def test_a_build_over_its_time_is_stopped_and_leaves_no_process(agent: Agent):
    mark = _unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 3000 # {mark}\n"})
    kind, reason = agent.failed(slow, limits={"timeout_seconds": 4})
    assert kind == "BuildTimedOut"
    assert "limit of 4 seconds" in reason
    _gone_within(5, mark)


def test_cancel_ends_the_step_within_five_seconds(agent: Agent, plane: FakeControlPlane):
    mark = _unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 3000 # {mark}\n"})
    job_id = agent.start(slow)
    plane.wait_for(lambda: _processes(mark), 60)
    plane.cancel.add(job_id)
    assert plane.result(job_id, 5)["outcome"] == "cancelled"
    _gone_within(5, mark)
    assert docker("image", "ls", "-q", agent.images[-1]) == ""
    assert not list(agent.settings.folder.glob("run-*/job-*"))


def test_a_killed_agent_takes_its_build_with_it(
    plane: FakeControlPlane, agent: Agent, tmp_path: Path
):
    mark = _unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 3000 # {mark}\n"})
    child = _agent_process(plane, tmp_path / "other", "killed")
    try:
        plane.put(
            "build",
            {"service_id": "s", "image": "c2d/test-killed:r1", "source": {"url": str(slow.bare)}},
        )
        plane.wait_for(lambda: _processes(mark), 60)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    _gone_within(5, mark)
    left = tmp_path / "other" / "agent" / "killed"
    assert list(left.glob("run-*/job-*"))
    Workspace(left).close()
    assert not list(left.glob("run-*"))


def test_sigterm_lets_the_running_build_finish_and_takes_no_other(
    plane: FakeControlPlane, agent: Agent, tmp_path: Path
):
    mark = _unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 4 # {mark}\n"})
    child = _agent_process(plane, tmp_path / "other", "drained")
    spec = {"service_id": "s", "image": "c2d/test-drained:r1", "source": {"url": str(slow.bare)}}
    try:
        first = plane.put("build", spec)
        plane.wait_for(lambda: _processes(mark), 60)
        child.send_signal(signal.SIGTERM)
        assert plane.result(first, 30)["outcome"] == "succeeded"
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait(10)
        docker("image", "rm", "c2d/test-drained:r1", check=False)
    second = plane.put("build", spec)
    assert second not in plane.claimed
    assert not list((tmp_path / "other").glob("agent/drained/run-*"))


def test_plain_variables_are_arguments_and_secrets_are_mounts(agent: Agent):
    dockerfile = (
        f"{PYTHON}ARG PLAIN\nARG SECRET=none\n"
        "RUN echo plain is $PLAIN, argument is $SECRET > /seen\n"
        "RUN --mount=type=secret,id=SECRET cat /run/secrets/SECRET | sha256sum > /hash\n"
        'RUN --mount=type=secret,id=c2d_env . /run/secrets/c2d_env; echo "$QUOTED" > /quoted\n'
        f"# {_unique()}\n"
    )
    quoted = 'it\'s "a" $HOME `x`\nsecond line'
    env = {
        "PLAIN": {"value": "visible", "secret": False},
        "SECRET": {"value": CANARY, "secret": True},
        "QUOTED": {"value": quoted, "secret": False},
    }
    output = agent.built(agent.repository({"Dockerfile": dockerfile}), secrets={"env": env})

    def read(path: str) -> str:
        return docker("run", "--rm", "--network=none", output["image"], "cat", path)

    assert read("/seen") == "plain is visible, argument is none"
    assert read("/quoted") == quoted
    expected = subprocess.run(["sha256sum"], input=CANARY.encode(), capture_output=True, check=True)
    assert read("/hash") == expected.stdout.decode().strip()
    assert "SECRET is a secret" in output["warnings"][0]


def test_a_secret_shows_nowhere(agent: Agent, tmp_path: Path):
    forms = [CANARY, base64.b64encode(CANARY.encode()).decode(), quote(CANARY + "/=", safe="")]
    dockerfile = (
        f"{PYTHON}RUN --mount=type=secret,id=TOKEN t=$(cat /run/secrets/TOKEN); echo $t; "
        "echo $t | base64; echo x$t | base64; echo xy$t | base64; "
        "printf %s canary-5d41; sleep 0.3; echo 402abc4b2a76; "
        f"sleep 0.4; echo done # {_unique()}\n"
    )
    env = {"TOKEN": {"value": CANARY, "secret": True}}
    lines: set[str] = set()
    job_id = agent.start(agent.repository({"Dockerfile": dockerfile}), secrets={"env": env})
    while job_id not in agent.plane.results:
        lines |= {_cmdline(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")}
        time.sleep(0.01)  # a sampling rate, not a wait
    output = agent.plane.results[job_id]["output"]
    log = agent.plane.text(job_id)
    history = docker("history", "--no-trunc", output["image"])
    saved = subprocess.run(
        ["/usr/bin/docker", "save", output["image"]], capture_output=True, check=True
    )
    # The third form's last characters are not the secret's: look for what must have been encoded.
    for form in [*forms[:2], forms[1].rstrip("=")[:-1]]:
        assert form not in log
        assert form not in history
        assert form.encode() not in saved.stdout
        assert not [line for line in lines if form in line and "sh -c" not in line]
    assert log.count("***") >= 5
    assert not [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and "srv" not in path.parts and CANARY.encode() in path.read_bytes()
    ]


def test_a_changed_build_variable_runs_the_steps_again(agent: Agent):
    repository = agent.repository({"app.py": f"print('{_unique()}')\n", "requirements.txt": ""})

    def build(value: str) -> str:
        env = {"KEY": {"value": value, "secret": True}}
        output = agent.built(
            repository, secrets={"env": env}, build_command="echo $KEY | wc -c > built"
        )
        assert output["provider"] == "own"
        return output["image"]

    first = build("value one")
    assert build("value one") == first
    assert build("value twelve") != first


def test_variables_of_the_client_itself_do_not_steer_it(agent: Agent):
    dockerfile = f'{PYTHON}ARG LD_PRELOAD\nARG DOCKER_HOST\nRUN echo "$DOCKER_HOST" > /seen\n'
    env = {
        "LD_PRELOAD": {"value": "/nowhere.so", "secret": False},
        "DOCKER_HOST": {"value": "tcp://127.0.0.1:1", "secret": False},
    }
    output = agent.built(agent.repository({"Dockerfile": dockerfile}), secrets={"env": env})
    seen = docker(
        "run", "--rm", "--network=none", "-e", "LD_PRELOAD=", output["image"], "cat", "/seen"
    )
    assert seen == "tcp://127.0.0.1:1"


def test_ansi_colours_reach_the_log(agent: Agent):
    paint = f"{PYTHON}RUN printf '\\033[31mred\\033[0m\\n' # {_unique()}\n"
    agent.built(agent.repository({"Dockerfile": paint}))
    assert "\x1b[31mred\x1b[0m" in agent.last_log


def test_a_syntax_line_can_be_stripped(agent: Agent):
    agent.configure(strip_syntax=True)
    text = f"# syntax=docker/dockerfile:1\n{PYTHON}RUN echo {_unique()}\n"
    agent.built(agent.repository({"Dockerfile": text}))


def test_a_full_disk_stops_the_build_before_it_starts(agent: Agent):
    agent.configure(min_free_disk_mb=10**9)
    kind, reason = agent.failed(agent.repository({"Dockerfile": PYTHON}))
    assert kind == "DiskFull"
    assert "1000000000 MiB" in reason
    assert "MiB free" in reason


def test_two_builds_at_once_are_limited_each_by_its_own_limit(
    agent: Agent, plane: FakeControlPlane
):
    def eat(name: str):
        code = "x = bytearray(250 << 20); import time; time.sleep(1)"
        text = f'{PYTHON}RUN python3 -c "{code}" # {_unique()}\n'
        return agent.repository({"Dockerfile": text}, name)

    small = agent.start(eat("small"), limits={"memory_mb": 200})
    large = agent.start(eat("large"), limits={"memory_mb": 400})
    assert plane.result(small, 60)["error"]["type"] == "BuildOutOfMemory"
    assert plane.result(large, 60)["outcome"] == "succeeded"


def test_a_build_step_is_on_the_bridge_and_not_on_the_host(agent: Agent):
    text = f"{PYTHON}RUN echo interfaces $(ls /sys/class/net) # {_unique()}\n"
    agent.built(agent.repository({"Dockerfile": text}))
    (line,) = [x for x in agent.last_log.splitlines() if " interfaces " in x and "RUN" not in x]
    assert set(line.split(" interfaces ")[1].split()) <= {"lo", "eth0"}


def test_a_build_that_prints_200_mb_ends_with_head_and_tail(agent: Agent, plane: FakeControlPlane):
    text = (
        f"{PYTHON}RUN echo first line; yes $(head -c 150 /dev/zero | tr '\\0' x) "
        f"| head -c 200000000; echo; echo last line >&2 # {_unique()}\n"
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


def _agent_process(plane: FakeControlPlane, home: Path, name: str) -> "subprocess.Popen[bytes]":
    env = {
        "PATH": os.environ["PATH"],
        "C2D_AGENT_URL": plane.url,
        "C2D_AGENT_TOKEN": plane.token,
        "C2D_AGENT_NAME": name,
        "C2D_AGENT_ROLES": "build",
        "C2D_HOME": str(home),
        "C2D_ALLOW_LOCAL_GIT": "true",
        "C2D_DOCKER": "/usr/bin/docker",
        "C2D_MIN_FREE_DISK_MB": "10",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "infra.agent"], env=env, stderr=subprocess.DEVNULL
    )


def _cmdline(entry: Path) -> str:
    try:
        return entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _processes(mark: str) -> list[str]:
    """RUN processes with this mark: the shell in the container, not git or docker."""
    lines = [_cmdline(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")]
    return [line for line in lines if mark in line and line.startswith("/bin/sh -c")]


def _gone_within(seconds: float, mark: str) -> None:
    deadline = time.monotonic() + seconds
    while _processes(mark):
        assert time.monotonic() < deadline, "the RUN process is still there"
        time.sleep(0.02)
