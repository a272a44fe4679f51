"""Runs a program so that it never outlives its job, nor this agent."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from infra.agent.job import Job

_POLL_SECONDS: Final = 0.1
_MOST_OUTPUT: Final = 64 * 1024 * 1024
_LINGER_SECONDS: Final = 2.0
_TIED: Final = ("setpriv", "--pdeathsig", "KILL", "--")
"""The kernel kills the program when the thread that started it ends, SIGKILL of the agent
included; `preexec_fn` could do the same, but is unsafe with threads."""

Output = Callable[[bytes], None]


class TimedOut(Exception):
    """The program ran past its deadline and was killed."""


class TooMuchOutput(Exception):
    """The program printed more than its caller is ready to keep, and was killed."""


class Program:
    """A program to run: `env` is its whole environment, `deadline` is in monotonic seconds."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdin: bytes | None = None,
        deadline: float,
    ) -> None:
        self.argv = list(argv)
        self.env = dict(env)
        self.cwd = cwd
        self.stdin = stdin
        self.deadline = deadline


def run(
    program: Program,
    job: Job,
    *,
    stdout: Output,
    stderr: Output,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Runs it to its end; its exit code (negative: the signal that killed it).

    `check` is called about ten times a second and may raise, which kills the program as well.
    Raises Cancelled when the job is to stop, and TimedOut.
    """
    job.check()
    child = _spawn(program)

    def watch() -> None:
        job.check()
        check()
        if time.monotonic() > program.deadline:
            raise TimedOut

    try:
        with job.on_stop(lambda: kill_group(child)):
            _feed(child, program.stdin)
            _pump(child, watch, {"stdout": stdout, "stderr": stderr})
            while (code := _ended(child)) is None:
                watch()
        job.check()
        return code
    finally:
        kill_group(child)
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                pipe.close()


def collect(
    program: Program, job: Job, check: Callable[[], None] = lambda: None
) -> tuple[int, str, str]:
    """Runs it to its end: exit code, standard output, standard error.

    Raises as `run` does, and TooMuchOutput.
    """
    out, err = bytearray(), bytearray()

    def bounded() -> None:
        check()
        if len(out) + len(err) > _MOST_OUTPUT:
            raise TooMuchOutput

    code = run(program, job, stdout=out.extend, stderr=err.extend, check=bounded)
    return code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def kill_group(child: "subprocess.Popen[bytes]") -> None:
    """Kills the program and everything it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _ended(child: "subprocess.Popen[bytes]") -> int | None:
    """Its exit code as soon as it has one, None while it runs on; whoever cancels kills it."""
    try:
        return child.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _spawn(program: Program) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*_TIED, *program.argv],
        env=program.env,
        cwd=program.cwd,
        stdin=subprocess.PIPE if program.stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        # a checkout's files become an image's files: others than root must be able to read them
        umask=0o022,
    )


def _feed(child: "subprocess.Popen[bytes]", data: bytes | None) -> None:
    """Standard input is small here (a password): it fits into the pipe."""
    if child.stdin is None or data is None:
        return
    try:
        child.stdin.write(data)
        child.stdin.close()
    except BrokenPipeError:
        return


def _pump(
    child: "subprocess.Popen[bytes]", watch: Callable[[], None], sinks: Mapping[str, Output]
) -> None:
    """Passes output on until there is no more."""
    lingers_until = float("inf")
    with selectors.DefaultSelector() as selector:
        for name, sink in sinks.items():
            selector.register(getattr(child, name), selectors.EVENT_READ, sink)
        while selector.get_map() and time.monotonic() < lingers_until:
            for key, _ in selector.select(_POLL_SECONDS):
                _pass_on(selector, key)
            watch()
            # A grandchild may keep the pipes open for ever after the program itself has ended.
            if lingers_until == float("inf") and child.poll() is not None:
                lingers_until = time.monotonic() + _LINGER_SECONDS


def _pass_on(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]
    data = os.read(pipe.fileno(), 65536)
    if data:
        key.data(data)
    else:
        selector.unregister(pipe)
