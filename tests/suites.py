"""Runs every suite of this repository, prints each one's time and the sum as pytest would.

python -m tests.suites [check | SUITE...]    a suite is a folder below tests/, or `check`
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import images
from infra.local.components import Component
from infra.local.engine import ensure_engine, wait_for_engine
from infra.local.errors import RefusedError
from infra.local.settings import read_settings

PROJECT = Path(__file__).resolve().parents[1]
LONGEST = ("e2e", "adapters", "workflows", "agent", "emulated", "local", "sam", "cli", "domain")
"""These begin first; what is quick fills the end."""
AT_ONCE = 2
"""Suites that run beside each other: most of their time they wait for processes they started."""
SUITE_SECONDS = 2100
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
CHECK_SECONDS = 600
CHECKS = (
    (".", "ruff", "check", "."),
    (".", "ruff", "format", "--check", "."),
    (".", "mypy"),
    ("cli", "mypy"),
    (".", "lint-imports"),
    (".", "python", "-m", "infra.generate", "--check"),
)


@dataclass(frozen=True)
class Report:
    """How one suite ended, and what it printed."""

    counts: Counter[str]
    said: str


def suites() -> list[str]:
    """The folders with tests, the longest first."""
    found = {path.parent for path in (PROJECT / "tests").rglob("test_*.py")}
    names = {path.relative_to(PROJECT / "tests").parts[0] for path in found}
    order = {name: place for place, name in enumerate(LONGEST)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def check() -> Report:
    """Lint, types, imports and generated files."""
    counts: Counter[str] = Counter()
    said = ""
    for folder, program, *arguments in CHECKS:
        found = Path(sys.executable).with_name(program)
        code, printed = _run([str(found), *arguments], PROJECT / folder, CHECK_SECONDS)
        said += f"$ {folder}: {program} {' '.join(arguments)}\n{printed}"
        counts["failed" if code else "passed"] += 1
    return Report(counts, said)


def run_suite(name: str) -> Report:
    """One folder in a pytest of its own; what pytest itself could not run counts as an error."""
    with tempfile.TemporaryDirectory(prefix=f"c2d-{name}-") as folder:
        Path(folder).chmod(0o755)  # servers that do not run as root look for their files in it
        report = Path(folder) / "report.xml"
        argv = [sys.executable, "-m", "pytest", f"tests/{name}", "-q", f"--junitxml={report}"]
        argv += [f"--basetemp={folder}/tests", "-p", "no:cacheprovider"]
        code, said = _run(argv, PROJECT, SUITE_SECONDS)
        counts = counted(report) if report.exists() else Counter[str]()
    if code and not counts["failed"] and not counts["errors"]:
        counts["errors"] += 1
    return Report(counts, said)


def _run(argv: list[str], folder: Path, seconds: int) -> tuple[int, str]:
    """Its exit code and output. A file takes it: who was left behind would hold a pipe open."""
    with tempfile.TemporaryFile() as output:
        try:
            code = subprocess.run(
                argv,
                cwd=folder,
                env=_environment(),
                timeout=seconds,
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
            ).returncode
            late = ""
        except subprocess.TimeoutExpired:
            code, late = 1, f"\nnot finished after {seconds} s\n"
        output.seek(0)
        return code, output.read().decode("utf-8", "replace") + late


def _environment() -> dict[str, str]:
    """Programs that came with the Python dependencies (npm) are found after the machine's own.

    Node knows nothing of the authorities that the machine's owner has added, unless it is told.
    """
    beside = str(Path(sys.executable).parent)
    trusted = {"NODE_EXTRA_CA_CERTS": str(AUTHORITIES)} if AUTHORITIES.exists() else {}
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), beside])
    return {**trusted, **os.environ, "PATH": path}


def counted(report: Path) -> Counter[str]:
    """The outcomes in a JUnit report."""
    counts: Counter[str] = Counter()
    for suite in ElementTree.parse(report).iter("testsuite"):
        numbers = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors")}
        skipped = int(suite.get("skipped", 0))
        counts["failed"] += numbers["failures"]
        counts["errors"] += numbers["errors"]
        counts["skipped"] += skipped
        counts["passed"] += numbers["tests"] - numbers["failures"] - numbers["errors"] - skipped
    return counts


def summary(counts: Counter[str], seconds: float) -> str:
    """The last line, as pytest prints it."""
    names = ("failed", "passed", "skipped", "errors")
    parts = [f"{counts[name]} {name}" for name in names if counts[name]] or ["no tests ran"]
    minutes = f" ({int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02})"
    text = f"{', '.join(parts)} in {seconds:.2f}s{minutes if seconds >= 60 else ''}"
    return f" {text} ".center(80, "=")


@contextmanager
def engine() -> Iterator[None]:
    """A Docker engine for as long as the tests run; one that runs already is used and stays."""
    path = read_settings().docker_socket
    component = ensure_engine(path)
    if component is None:
        yield
        return
    process = _start(component)
    try:
        wait_for_engine(path, component.ready_seconds)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(component.grace_seconds)


def _start(component: Component) -> subprocess.Popen[bytes]:
    with Path(tempfile.gettempdir(), "click-to-deploy-dockerd.log").open("ab") as log:
        return subprocess.Popen(
            component.argv,
            env=dict(component.environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def run(names: list[str]) -> int:
    """Run the suites and print their times; 0 when nothing failed."""
    begun = time.monotonic()
    total: Counter[str] = Counter()
    times: list[str] = []

    def one(name: str) -> None:
        started = time.monotonic()
        print(f"{name} begins", flush=True)
        report = check() if name == "check" else run_suite(name)
        shown = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items() if count)
        took = f"{time.monotonic() - started:7.1f} s"
        with printing:
            print(f"\n----- {name}\n{report.said}\n{name}: {shown} in{took}", flush=True)
            total.update(report.counts)
            times.append(f"{name:14} {took}   {shown}")

    printing = threading.Lock()
    with ThreadPoolExecutor(AT_ONCE) as workers:
        for done in [workers.submit(one, name) for name in names]:
            done.result()
    print("\n" + "\n".join(times))
    print(summary(total, time.monotonic() - begun))
    return 1 if total["failed"] or total["errors"] else 0


def main(arguments: list[str]) -> int:
    """All suites, or the named ones."""
    # Ignored in what a shell runs in the background, and in all that it starts: some are tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if arguments == ["check"]:
        return run(["check"])
    try:
        with engine():
            folder = Path(os.environ.get("C2D_IMAGES") or "/var/tmp/click-to-deploy-images")
            images.provide(folder)
            return run(arguments or ["check", *suites()])
    except RefusedError as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
