"""What can go wrong, each with a sentence, a hint and an exit code."""

from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """What a script reads. The first six are documented in `c2d deploy --help`."""

    OK = 0
    ERROR = 1
    FAILED = 2
    CANCELLED = 3
    SUPERSEDED = 4
    TIMED_OUT = 5
    INTERRUPTED = 130


class CliError(Exception):
    """Base of every refusal: a sentence, and a hint that names the next command."""

    def __init__(
        self, message: str, hint: str | None = None, code: ExitCode = ExitCode.ERROR
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def document(self) -> dict[str, Any]:
        """The error as `--json` writes it on stderr."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "hint": self.hint,
            "exit_code": int(self.code),
        }


class NotFound(CliError):
    """No project, service or deployment goes by that name."""


class Ambiguous(CliError):
    """More than one thing goes by that name; the hint lists them."""


class NotConfirmed(CliError):
    """A question that nobody was there to answer; the hint is the command to run instead."""


class NotSignedIn(CliError):
    """There is no address or no token to use."""


class Unreachable(CliError):
    """The control plane did not answer."""


class Busy(CliError):
    """The control plane answered that it cannot answer now."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message, "Try again in a moment; `c2d whoami` shows what is not ready.")
        self.retry_after = retry_after


class ApiError(CliError):
    """The control plane refused: a problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.type = str(problem.get("type") or "")
        self.fields = [_field(error) for error in problem.get("errors") or []]
        said = problem.get("detail") or problem.get("title") or f"the platform answered {status}"
        more = [field for field in self.fields if field not in str(said)]
        super().__init__("; ".join([str(said), *more]), _HINTS.get(status))

    def document(self) -> dict[str, Any]:
        return {**super().document(), "type": self.type, "status": self.status}


_HINTS = {
    401: "Sign in again: c2d login",
    429: "Wait a moment and try again.",
    500: "The reason is in the platform's log: c2d platform logs",
}


def _field(error: Any) -> str:
    # Validation errors repeat what was sent; a value may be a secret, so only its place is shown.
    if not isinstance(error, dict):
        return str(error)
    parts = error.get("loc") or error.get("field") or error.get("pointer") or ""
    parts = parts if isinstance(parts, list | tuple) else [parts]
    place = ".".join(str(part) for part in parts if part != "body")
    text = error.get("msg") or error.get("message") or error.get("detail") or "is not valid"
    return f"{place}: {text}" if place else str(text)
