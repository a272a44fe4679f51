"""One run of a build client: streamed, limited, explained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from infra.agent.build.builders import BuildRequest
from infra.agent.build.causes import explained
from infra.agent.build.limits import Enforcement, StepLimiter
from infra.agent.build.transcript import Transcript, is_noise
from infra.agent.job import Job
from infra.agent.process import Program, TimedOut, run
from shared.domain.errors import BuildTimedOut

_NOT_LIMITED: Final = "Memory and CPU of build steps are not limited"


def run_client(
    program: Program, request: BuildRequest, job: Job, enforcement: Enforcement | None
) -> None:
    """Runs the client to its end. Raises what a Builder does."""
    transcript = Transcript()
    stdout = job.writer("stdout")
    stderr = job.writer("stdout", transcript.add, leave_out=is_noise)
    try:
        code = run(program, job, stdout=stdout.write, stderr=stderr.write)
    except TimedOut:
        raise BuildTimedOut(
            f"The build took longer than its limit of {request.seconds:g} seconds and was stopped; "
            "make it faster or raise the limit."
        ) from None
    finally:
        stdout.close()
        stderr.close()
    if code:
        raise explained(
            transcript,
            out_of_memory=enforcement is not None and enforcement.out_of_memory,
            memory_mb=request.limits.memory_mb,
        )


@contextmanager
def enforced(
    limiter: StepLimiter | None, request: BuildRequest
) -> Iterator[tuple[Enforcement | None, tuple[str, ...]]]:
    """Limits the build's steps in the block; warns where this machine does not allow it."""
    reason = limiter.unavailable() if limiter else "BuildKit runs elsewhere"
    if limiter is None or reason:
        yield None, (f"{_NOT_LIMITED}: {reason}.",)
        return
    with limiter.enforce(request.limits) as enforcement:
        yield enforcement, ()


def no_proxy(existing: str, enforcement: Enforcement | None) -> dict[str, str]:
    """The build argument that marks our steps; see `limits`."""
    if enforcement is None:
        return {}
    return {"NO_PROXY": ",".join(filter(None, (existing, enforcement.marker)))}
