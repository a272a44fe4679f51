"""The demo: the platform, a Git server with an example, and that example live."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.background import fetch_images
from infra.local.errors import RefusedError
from infra.local.images import DEBIAN, PYTHON
from infra.local.lifecycle import order, prepare, running_supervisor, standings, up, wait_for
from infra.local.settings import PROJECT, LocalSettings
from infra.local.state import State

PROJECT_NAME, SERVICE_NAME = "demo", "flask"
DEPLOY_SECONDS = 900


def demo(settings: LocalSettings) -> None:
    """From a fresh machine to a live URL; run again, it deploys again.

    Raises RefusedError with the reason when the example does not go live.
    """
    started = float(os.environ.get("C2D_BEGUN") or time.time())
    state = prepare(settings)
    make_repository(PROJECT / "examples/flask", state.demo / "git" / "flask.git")
    begun = time.monotonic()
    print("Starting the platform", flush=True)
    up(settings, (DEBIAN, PYTHON))
    _serve_git(state)
    ready = time.monotonic()
    print(f"Ready in {ready - begun:.0f} s.\n", flush=True)
    url = deploy(settings)
    _fetch(url)
    fetch_images(state)
    _say_goodbye(settings, url, ready, started)


def make_repository(source: Path, target: Path) -> None:
    """A bare Git repository of a folder; unchanged content is not committed again."""
    if not source.is_dir():
        raise RefusedError(f"{source} is missing; this checkout is not complete.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (target / "HEAD").exists():
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(target))
    work = ("--git-dir", str(target), "--work-tree", str(source))
    _git(*work, "add", "--all")
    _git(*work, "update-index", "--refresh", "-q", fine={0, 1})
    born = _git("--git-dir", str(target), "rev-parse", "--verify", "-q", "main", fine={0, 1, 128})
    if born.returncode == 0 and _unchanged(work):
        return
    _git(*work, "commit", "--quiet", "--message", "The Flask example")


def _unchanged(work: tuple[str, ...]) -> bool:
    return _git(*work, "diff", "--cached", "--quiet", "main", fine={0, 1}).returncode == 0


def _git(*arguments: str, fine: set[int] = {0}) -> subprocess.CompletedProcess[str]:  # noqa: B006
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Click to Deploy",
        "GIT_AUTHOR_EMAIL": "demo@localhost",
        "GIT_COMMITTER_NAME": "Click to Deploy",
        "GIT_COMMITTER_EMAIL": "demo@localhost",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "false" if "--work-tree" in arguments else "true",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }
    done = subprocess.run(
        ["git", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode not in fine:
        raise RefusedError(f"git {arguments[-1]} failed: {done.stderr.strip()}")
    return done


def _serve_git(state: State) -> None:
    """A platform that ran before the demo learns of the Git server by a change of supervisor."""
    if "git" in standings(state) or running_supervisor(state) is None:
        return
    (state.run / "status.json").unlink(missing_ok=True)
    order(state, {"do": "replace"})
    wait_for(state, ["git"], 60)


def c2d_program() -> str:
    """The c2d command of this checkout's environment."""
    beside = Path(sys.executable).with_name("c2d")
    found = str(beside) if beside.exists() else shutil.which("c2d")
    if found is None:
        raise RefusedError("The command c2d is missing; run `make install`.")
    return found


def deploy(settings: LocalSettings) -> str:
    """Deploy the example with c2d, as a person would; returns its address."""
    repository = f"http://127.0.0.1:{settings.git_port}/flask.git"
    arguments = ["deploy", "--repo", repository, "--project", PROJECT_NAME]
    arguments += ["--service", SERVICE_NAME, "--wait"]
    print(f"$ c2d {' '.join(arguments)}", flush=True)
    credentials = json.loads(State(settings.home).credentials.read_text())
    environment = {
        **os.environ,
        "C2D_API_URL": str(credentials["api_url"]),
        "C2D_TOKEN": str(credentials["token"]),
    }
    done = subprocess.run(
        [c2d_program(), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=DEPLOY_SECONDS,
        check=False,
    )
    if done.returncode != 0 or not done.stdout.strip():
        raise RefusedError("The example did not go live; the lines above say why.")
    return done.stdout.split()[-1]


def _fetch(url: str) -> None:
    """Ask the example itself: the demo ends with an answer, not with a promise."""
    print(f"\n$ curl {url}", flush=True)
    address = urlsplit(url)
    # Not every system resolves names below localhost; the router is on this machine anyway.
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 80, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": address.netloc})
        response = connection.getresponse()
        text = response.read(2000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise RefusedError(f"{url} does not answer: {error}") from error
    finally:
        connection.close()
    print(text)
    if response.status != 200:
        raise RefusedError(f"{url} answers {response.status}.")


def _say_goodbye(settings: LocalSettings, url: str, ready: float, started: float) -> None:
    c2d = os.path.relpath(c2d_program())
    print(f"\nLive: {url}")
    print(f"API:  {settings.api_url}/v1/click-deploy/docs")
    print(f"Deployed in {time.monotonic() - ready:.0f} s, {time.time() - started:.0f} s in all.\n")
    print("Next:")
    print(f"  {c2d} deploy --repo https://… --project mine --service web --wait")
    print(f"  {c2d} logs -f {PROJECT_NAME}/{SERVICE_NAME}")
    print("  make down        stops what was started here; `make up` starts it again")
    home = f"C2D_HOME={settings.home}"
    print(
        f"After a reboot by itself: sudo {home} .venv/bin/python -m infra.local systemd --install"
    )
