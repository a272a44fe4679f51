"""Work folders, build slots and settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.agent import settings
from infra.agent.settings import BadSettings, read_settings
from infra.agent.slots import Slots
from infra.agent.workspace import Workspace, memory_folder

REQUIRED = {"C2D_AGENT_URL": "http://127.0.0.1:8080/", "C2D_AGENT_TOKEN": "c2da_x"}


def test_a_job_folder_is_private_and_gone_afterwards(tmp_path: Path):
    workspace = Workspace(tmp_path)
    with workspace.folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "locked").mkdir()
        (folder / "locked" / "file").write_text("x")
        (folder / "locked").chmod(0o500)
        (folder / "link").symlink_to(tmp_path)
    assert not folder.exists()
    workspace.close()
    assert tmp_path.exists()
    assert not list(tmp_path.iterdir())


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_uses_is_not(tmp_path: Path):
    living = Workspace(tmp_path)
    script = (
        "import os, sys; from pathlib import Path; from infra.agent.workspace import Workspace\n"
        "w = Workspace(Path(sys.argv[1])); f = w.folder(); f.__enter__(); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=30)
    assert len(list(tmp_path.glob("run-*"))) == 2
    with living.folder() as folder:
        Workspace(tmp_path).close()
        assert folder.exists()
    assert len(list(tmp_path.glob("run-*"))) == 1
    living.close()


def test_a_slot_comes_back_when_its_holder_dies(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from infra.agent.slots import Slots\n"
        "held = Slots(Path(sys.argv[1]), 1).take(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        assert Slots(tmp_path, 1).take() is None
        holder.kill()
        holder.wait(10)
    release = Slots(tmp_path, 1).take()
    assert release
    release()


def test_settings_have_defaults_and_name_what_is_wrong(tmp_path: Path):
    read = read_settings({**REQUIRED, "C2D_HOME": str(tmp_path)})
    assert read.url == "http://127.0.0.1:8080"
    assert read.roles == ("build", "edge")
    assert read.builds == 2
    assert not read.allow_private_git
    for key, value in {
        "C2D_AGENT_TOKEN": "",
        "C2D_AGENT_BUILDS": "0",
        "C2D_AGENT_ROLES": "build,paint",
        "C2D_AGENT_NAME": "../up",
        "C2D_BUILDER": "kaniko",
        "C2D_ALLOW_PRIVATE_GIT": "perhaps",
        "C2D_MIN_FREE_DISK_MB": "plenty",
    }.items():
        with pytest.raises(BadSettings, match=key):
            read_settings({**REQUIRED, key: value})


def test_help_names_every_setting_and_missing_ones_are_said():
    def run(*args: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-m", "infra.agent", *args]
        env = {"PATH": os.environ["PATH"]}
        return subprocess.run(
            argv, capture_output=True, text=True, env=env, timeout=60, check=False
        )

    shown = run("--help").stdout
    assert settings.__file__
    keys = set(re.findall(r'"(C2D_\w+)"', Path(settings.__file__).read_text()))
    assert len(keys) > 20
    assert not [key for key in keys if key not in shown]
    missing = run()
    assert missing.returncode == 64
    assert "C2D_AGENT_URL is not set" in missing.stderr


def test_secrets_are_kept_in_memory_where_the_machine_allows(tmp_path: Path):
    read = read_settings({**REQUIRED, "C2D_HOME": str(tmp_path), "C2D_AGENT_NAME": "memory"})
    folder = memory_folder(read)
    workspace = Workspace(folder)
    with workspace.folder() as made:
        assert made.stat().st_mode & 0o077 == 0
    workspace.close()
    folder.rmdir()
