"""Invokes functions in containers with `sam local invoke`, each with its sample event.

python -m tests.sam.invoke [NAME…]    all of them, or those whose name has one of these parts

Builds with SAM, starts PostgreSQL and an AWS (MiniStack) for them, and prints a line for each:
function, event, status, seconds. Ends with 1 when one failed: it raised, it answered 5xx, or it
refused its sample without a reason that is known (see REFUSED in `tests/sam/invocation.py`).

With --env-vars FILE nothing is invoked: the variables of the functions are written to FILE, for
`sam local invoke` or `sam local start-api` by hand, until Ctrl-C takes the servers away.
"""

import argparse
import json
import multiprocessing
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.local import images
from infra.local.errors import RefusedError
from tests.sam.bench import bench
from tests.sam.command import ROOT, SAM, run
from tests.sam.invocation import Outcome, invoke, outcome_of
from tests.sam.local_stacks import LocalFunction, layer_cache, write_local_stacks
from tests.sam.servers import Servers, servers

BUILT, CACHE = ROOT / ".aws-sam" / "invoke" / "build", ROOT / ".aws-sam" / "invoke" / "cache"
STAND_INS = Path("/var/tmp/click-to-deploy-images")
AT_ONCE, BUILD_SECONDS = 2, 600


def build() -> list[LocalFunction]:
    """What a build of now has; unchanged parts come from its cache. Raises RefusedError."""
    folders = ("--build-dir", str(BUILT), "--cache-dir", str(CACHE))
    done = run("build", "--cached", "--parallel", *folders, seconds=BUILD_SECONDS)
    if done.returncode != 0:
        raise RefusedError(f"`sam build` failed:\n{done.stdout}{done.stderr}")
    return write_local_stacks(BUILT)


def chosen(functions: Sequence[LocalFunction], parts: Sequence[str]) -> list[LocalFunction]:
    return [f for f in functions if not parts or any(part in f.name for part in parts)]


@contextmanager
def running() -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="c2d-sam-local-", dir="/var/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)  # the database's user passes through
        with servers(folder) as found:
            yield found


def invoke_all(
    found: Servers, functions: Sequence[LocalFunction], at_once: int = AT_ONCE
) -> Iterator[Outcome]:
    """Outcomes as they come. Each worker is a process: scenes patch where ids come from."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, mp_context=context) as pool:
        tasks = {pool.submit(invoke, found, f, n): f for n, f in enumerate(functions, 1)}
        try:
            for task in as_completed(tasks):
                error = task.exception()
                yield (
                    outcome_of(tasks[task], "no scene", 0.0, repr(error))
                    if error
                    else task.result()
                )
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def line(outcome: Outcome) -> str:
    return (
        f"{'ok  ' if outcome.ok else 'FAIL'} {outcome.function:36} {outcome.event:46} "
        f"{outcome.status:22} {outcome.seconds:6.1f} s"
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sam.invoke",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a function's name")
    parser.add_argument("--env-vars", metavar="FILE", type=Path, help="keep the servers up")
    parser.add_argument("--jobs", type=int, default=AT_ONCE, help="how many at once")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = time.monotonic()
    try:
        images.provide(STAND_INS, images.LAMBDA)
        functions = chosen(build(), given.names)
    except RefusedError as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    print(f"Built in {time.monotonic() - begun:.0f} s; {len(functions)} functions", flush=True)
    return _hold(given.env_vars) if given.env_vars else _report(functions, given.jobs)


def _report(functions: Sequence[LocalFunction], at_once: int) -> int:
    begun, outcomes = time.monotonic(), list[Outcome]()
    with running() as found:
        for outcome in invoke_all(found, functions, at_once):
            print(line(outcome), flush=True)
            outcomes.append(outcome)
    failed = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in failed:
        print(f"\n{outcome.function}: {outcome.status}\n{outcome.reason}")
    seconds = time.monotonic() - begun
    print(f"\n{len(outcomes)} invoked, {len(failed)} failed, {seconds:.0f} s")
    return 1 if failed or not outcomes else 0


def _hold(file: Path) -> int:
    """Servers and a bench for whoever invokes by hand."""
    with running() as found, bench(found, 1, "api.me.get") as made:
        file.write_text(json.dumps({"Parameters": made.environment}, indent=2) + "\n")
        template = (BUILT / "Api" / "local.yaml").relative_to(ROOT)
        cache = layer_cache(BUILT).relative_to(ROOT)
        print(
            f"{SAM.relative_to(ROOT)} local start-api --template {template} --env-vars {file}"
            f" --docker-network {made.network} --layer-cache-basedir {cache}"
            " --skip-pull-image --warm-containers LAZY",
            flush=True,
        )
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
