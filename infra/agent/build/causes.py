"""Names the cause of a failed build in one sentence, with what to do about it."""

import re
from dataclasses import dataclass
from typing import Final

from infra.agent.build.transcript import Transcript
from shared.domain.errors import (
    BuildFailed,
    BuildOutOfMemory,
    DiskFull,
    PlatformError,
    RegistryFailed,
    Transient,
)

_LONGEST: Final = 160


@dataclass(frozen=True, slots=True)
class _Cause:
    """`pattern` on a line the step printed; `advice` may use its groups."""

    pattern: re.Pattern[str]
    advice: str


def _cause(pattern: str, advice: str) -> _Cause:
    return _Cause(re.compile(pattern), advice)


_BUILDER: Final = (
    _cause(
        r'"?/?([^"\s]+)"? not found: not found|"/?([^"]+)": not found',
        "the build context has no {0}; check the path in the Dockerfile and .dockerignore",
    ),
    _cause(
        r"target stage (\S+) could not be found",
        "the Dockerfile has no stage {0}; correct the target",
    ),
    _cause(
        r"dockerfile parse error.*?: (.*)", "the Dockerfile does not parse: {0}; correct that line"
    ),
    _cause(r"file with no instructions", "the Dockerfile is empty; write it or remove the file"),
)
_PROGRAM: Final = (
    _cause(
        r"No matching distribution found for (\S+)",
        "pip finds no version of {0}; check its name and version",
    ),
    _cause(
        r"(ResolutionImpossible|conflicting dependencies.*)",
        "pip finds no set of versions that fit together; loosen a pin",
    ),
    _cause(
        r"[Mm]issing script: \"?([\w:.-]+)",
        'package.json has no script "{0}"; add it or set another build command',
    ),
    _cause(
        r"npm (?:ERR!|error) (?:code )?E404",
        "npm does not find a package; check the names in package.json",
    ),
    _cause(
        r"can only install packages when your package.json and (\S+)",
        "{0} does not match package.json; run the install locally and commit it",
    ),
    _cause(
        r"(ERR_PNPM_OUTDATED_LOCKFILE)",
        "pnpm-lock.yaml does not match package.json; run pnpm install and commit it",
    ),
    _cause(r"(ERESOLVE)", "npm finds no set of versions that fit together; correct package.json"),
    _cause(
        r"ModuleNotFoundError: No module named '?([\w.]+)",
        "the Python module {0} is not installed; add it to the requirements",
    ),
    _cause(
        r"Cannot find module '([^']+)'",
        "the Node module {0} is not there; add it to package.json or correct the path",
    ),
    _cause(r"error TS(\d+): (.*)", "TypeScript reports TS{0}: {1}; correct it"),
    _cause(r"(SyntaxError: .*)", "{0}; correct it"),
    _cause(
        r"sh: (?:\d+: )?(\S+?): not found|(\S+): command not found",
        "the command {0} is not in the image; install it or correct the command",
    ),
    _cause(r"Unable to locate package (\S+)", "Debian has no package {0}; check its name"),
    _cause(
        r"(?:Temporary failure in name resolution|EAI_AGAIN|Could not resolve host)(.*)",
        "a host name could not be resolved; check the build machine's network and deploy again",
    ),
)
_PREFIX: Final = re.compile(
    r"^(?:ERROR: |error: )?(?:failed to (?:solve with frontend \S+|create LLB definition"
    r"|compute cache key|solve)): "
)
_LOADED: Final = re.compile(r"^\[internal\] load metadata for (\S+)")
_REFUSED: Final = re.compile(
    r"pull access denied|authorization failed|insufficient_scope|unauthorized|: not found"
)
_UNREACHABLE: Final = re.compile(r"failed to (?:do request|resolve|copy)|no such host|i/o timeout")
_PUSHED: Final = re.compile(r"failed to push (\S+?): (.*)")
_AWAY: Final = re.compile(
    r"Cannot connect to the Docker daemon|error reading from server: EOF|transport is closing"
    r"|connection refused.*docker\.sock"
)
_NO_SPACE: Final = re.compile(r"[Nn]o space left on device|ENOSPC")
_KILLED: Final = re.compile(
    r"\bKilled\b|SIGKILL|heap out of memory|MemoryError|Cannot allocate memory"
)
_BLAND: Final = re.compile(
    r"^(?:npm (?:ERR!|error)"
    r"(?:$| +(?:A complete log|To see a list|npm run|code |errno |path |command |$))"
    r"|\[notice\]|at .+\(.+\)|\s*$|Killed$|\++ |npm notice)"
)
_TELLING: Final = re.compile(
    r"error|fail|fatal|not found|cannot|no such|denied|invalid|missing", re.IGNORECASE
)


def explained(transcript: Transcript, *, out_of_memory: bool, memory_mb: int) -> PlatformError:
    """The error behind a build that ended with a failure."""
    step = _step_name(transcript.title)
    printed = [*transcript.lines, transcript.error, *transcript.tail]
    if out_of_memory or (transcript.exit_code == 137 and _any(_KILLED, printed)):
        return BuildOutOfMemory(
            f"{step} needed more memory than the build's limit of {memory_mb} MiB and was killed; "
            "raise the limit or make the build use less."
        )
    if _any(_NO_SPACE, printed):
        return DiskFull(
            f"{step} found no space left on the disk; free some space and deploy again."
        )
    if match := _PUSHED.search(" ".join([transcript.error, *transcript.tail])):
        return push_failed(match[2], match[1])
    if _is_daemon_away(transcript):
        return Transient("The Docker engine stopped answering during the build; deploy again.")
    if transcript.exit_code is None:
        return _builder_error(transcript)
    return BuildFailed(f"{step} failed{_exit(transcript)}: {_program_error(transcript)}.")


def push_failed(stderr: str, repository: str) -> PlatformError:
    """The error behind a failed login or push."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = (lines or ["no reason given"])[-1][:_LONGEST].rstrip(". ")
    if re.search(r"unauthorized|denied|no basic auth|401|403", stderr):
        return RegistryFailed(
            f"The registry did not accept the credentials for {repository} ({said}); renew them."
        )
    if _NO_SPACE.search(stderr):
        return DiskFull(f"The registry of {repository} has no space left; free some there.")
    return RegistryFailed(
        f"The image could not be pushed to {repository}: {said}; "
        "check the registry and deploy again."
    )


def _builder_error(transcript: Transcript) -> PlatformError:
    """Where no program failed: the builder itself could not go on."""
    error = _without_prefix(transcript.error)
    whole = " ".join([transcript.error, *transcript.tail])
    image = _LOADED.match(transcript.title)
    if image and _REFUSED.search(whole):
        return BuildFailed(
            f"The base image {image[1]} does not exist or is private; check its name and tag."
        )
    if image and _UNREACHABLE.search(whole):
        name = image[1].removeprefix("docker.io/").removeprefix("library/")
        return BuildFailed(
            f"The base image {name} could not be downloaded, as its registry cannot be reached "
            "from here; use an image this machine has, or give it access."
        )
    for cause in _BUILDER:
        if match := cause.pattern.search(error) or cause.pattern.search(whole):
            said = _filled(cause, match)
            return BuildFailed(f"{said[0].upper()}{said[1:]}.")
    said = error[:_LONGEST].rstrip(". ") or "the builder gave no reason"
    return BuildFailed(f"The build failed: {said}; correct the Dockerfile.")


def _program_error(transcript: Transcript) -> str:
    newest_first = list(reversed(transcript.lines))
    for cause in _PROGRAM:
        for line in newest_first:
            if match := cause.pattern.search(line):
                return _filled(cause, match)
    spoken = [line.strip() for line in newest_first if not _BLAND.match(line)]
    telling = next((line for line in spoken[:40] if _TELLING.search(line)), None)
    chosen = telling or next(iter(spoken), None)
    if chosen is None:
        return "it printed nothing; run the command locally to see why"
    return f"{chosen[:_LONGEST].rstrip('. ')}; the log has the rest"


def _filled(cause: _Cause, match: re.Match[str]) -> str:
    groups = [group[:_LONGEST].rstrip(". ,;") for group in match.groups() if group]
    return cause.advice.format(*groups, *[""] * 2)


def _step_name(title: str) -> str:
    """The step as the Dockerfile has it: `[build 3/5] RUN npm ci` is `RUN npm ci`."""
    text = re.sub(r"^\[[^\]]*\]\s*", "", title)
    text = re.sub(r"--mount=\S+\s*", "", text)
    text = re.sub(r"^(RUN\s+)set -a;.*?set \+a;\s*", r"\1", text)
    text = re.sub(r"\s+", " ", text).strip()
    if not text:
        return "The build"
    return f"Step `{text[:77]}...`" if len(text) > 80 else f"Step `{text}`"


def _exit(transcript: Transcript) -> str:
    return f" with exit code {transcript.exit_code}"


def _without_prefix(error: str) -> str:
    previous = ""
    while previous != error:
        previous, error = error, _PREFIX.sub("", error)
    return error


def _is_daemon_away(transcript: Transcript) -> bool:
    return any(_AWAY.search(line) for line in [transcript.error, *transcript.tail])


def _any(pattern: re.Pattern[str], lines: list[str]) -> bool:
    return any(pattern.search(line) for line in lines)
