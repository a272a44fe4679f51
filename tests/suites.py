"""Runs every suite of this repository, prints each one's time and the sum as pytest would.

python -m tests.suites [check | SUITE...]    a suite is a folder below tests/, or `check`
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local import images
from infra.local.components import Component
from infra.local.engine import ensure_engine, wait_for_engine
from infra.local.errors import RefusedError
from infra.local.settings import read_settings

PROJECT = Path(__file__).resolve().parents[1]
FIRST = ("architecture", "domain", "usecases", "endpoints", "tasks", "consumers")
LAST = ("e2e", "sam")
SUITE_SECONDS = 1500
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
CHECKS = (
    (".", "ruff", "check", "."),
    (".", "ruff", "format", "--check", "."),
    (".", "mypy"),
    ("cli", "mypy"),
    (".", "lint-imports"),
    (".", "python", "-m", "infra.generate", "--check"),
)


def suites() -> list[str]:
    """The folders with tests: quick ones first, the ones that need everything last."""
    found = {path.parent for path in (PROJECT / "tests").rglob("test_*.py")}
    names = {path.relative_to(PROJECT / "tests").parts[0] for path in found}

    def place(name: str) -> tuple[int, str]:
        if name in FIRST:
            return FIRST.index(name), name
        return (99 if name in LAST else 50), name

    return sorted(names, key=place)


def check() -> Counter[str]:
    """Lint, types, imports and generated files."""
    counts: Counter[str] = Counter()
    for folder, program, *arguments in CHECKS:
        print(f"$ {folder}: {program} {' '.join(arguments)}", flush=True)
        found = Path(sys.executable).with_name(program)
        code = subprocess.run(
            [found, *arguments], cwd=PROJECT / folder, timeout=600, check=False
        ).returncode
        counts["failed" if code else "passed"] += 1
    return counts


def run_suite(name: str) -> Counter[str]:
    """One folder in a pytest of its own; what pytest itself could not run counts as an error."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        argv = [sys.executable, "-m", "pytest", f"tests/{name}", "-q", f"--junitxml={report}"]
        try:
            code = subprocess.run(
                argv, cwd=PROJECT, env=_environment(), timeout=SUITE_SECONDS, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"{name}: not finished after {SUITE_SECONDS} s")
            return Counter(errors=1)
        counts = counted(report) if report.exists() else Counter[str]()
    if code and not counts["failed"] and not counts["errors"]:
        counts["errors"] += 1
    return counts


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
    for name in names:
        started = time.monotonic()
        print(f"\n----- {name}", flush=True)
        counts = check() if name == "check" else run_suite(name)
        total += counts
        shown = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        times.append(f"{name:14} {time.monotonic() - started:7.1f} s   {shown}")
    print("\n" + "\n".join(times))
    print(summary(total, time.monotonic() - begun))
    return 1 if total["failed"] or total["errors"] else 0


def main(arguments: list[str]) -> int:
    """All suites, or the named ones."""
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
