"""Variables and secrets reach a build and nothing else."""

import base64
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.agent.building.conftest import Agent, docker
from tests.agent.building.processes import (
    PYTHON,
    cmdline,
    unique,
)

pytestmark = pytest.mark.docker

CANARY = "canary-5d41402abc4b2a76"


def test_plain_variables_are_arguments_and_secrets_are_mounts(agent: Agent):
    dockerfile = (
        f"{PYTHON}ARG PLAIN\nARG SECRET=none\n"
        "RUN echo plain is $PLAIN, argument is $SECRET > /seen\n"
        "RUN --mount=type=secret,id=SECRET cat /run/secrets/SECRET | sha256sum > /hash\n"
        'RUN --mount=type=secret,id=c2d_env . /run/secrets/c2d_env; echo "$QUOTED" > /quoted\n'
        f"# {unique()}\n"
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
        f"sleep 0.4; echo done # {unique()}\n"
    )
    env = {"TOKEN": {"value": CANARY, "secret": True}}
    lines: set[str] = set()
    job_id = agent.start(agent.repository({"Dockerfile": dockerfile}), secrets={"env": env})
    while job_id not in agent.plane.results:
        lines |= {cmdline(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")}
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
    repository = agent.repository({"app.py": f"print('{unique()}')\n", "requirements.txt": ""})

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
