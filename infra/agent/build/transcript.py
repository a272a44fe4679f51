"""What a build printed, reduced to what explains its end."""

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STEP: Final = re.compile(r"^#(\d+) (?:\d+\.\d+ )?(.*)$")
_TITLE: Final = re.compile(r"^\[[^\]]*\] |^resolve image config|^exporting|^importing")
_DIGEST: Final = re.compile(r"^#\d+ sha256:[0-9a-f]{64}$")
_ENDED: Final = re.compile(
    r"executor failed running|did not complete successfully|context canceled|no space left"
)
_EXIT: Final = re.compile(r"exit code: (\d+)")
_KEPT: Final = 200


@dataclass(slots=True)
class Transcript:
    """Takes BuildKit's plain progress line by line; keeps the last lines of every step."""

    steps: dict[str, deque[str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    def add(self, line: str) -> None:
        plain = _ANSI.sub("", line).rstrip()
        if match := _STEP.match(plain):
            self._step(match[1], match[2])
        elif plain and not plain.startswith(("---", " > ")):
            self.tail.append(plain)

    def _step(self, number: str, text: str) -> None:
        if text.startswith("ERROR: ") and self._is_end(number, text):
            self.errors.setdefault(number, text.removeprefix("ERROR: "))
            return
        if _TITLE.match(text) and number not in self.titles:
            self.titles[number] = text
        elif text:
            self.steps.setdefault(number, deque(maxlen=_KEPT)).append(text)

    def _is_end(self, number: str, text: str) -> bool:
        """Whether BuildKit says so: a program's own lines may start with ERROR too."""
        runs_program = " RUN " in f" {self.titles.get(number, '')} "
        return not runs_program or _ENDED.search(text) is not None

    @property
    def failed_step(self) -> str | None:
        """The number of the step that failed; others may only have been stopped because of it."""
        first = next(iter(self.errors), None)
        real = (number for number, error in self.errors.items() if "context canceled" not in error)
        return next(real, first)

    @property
    def title(self) -> str:
        return self.titles.get(self.failed_step or "", "")

    @property
    def lines(self) -> list[str]:
        """What the failed step printed, its newest lines."""
        return list(self.steps.get(self.failed_step or "", ()))

    @property
    def error(self) -> str:
        """BuildKit's own words for the failure."""
        if self.failed_step is not None:
            return self.errors[self.failed_step]
        return self.tail[-1] if self.tail else ""

    @property
    def exit_code(self) -> int | None:
        """The failed program's exit code, None where no program failed."""
        match = _EXIT.search(self.error) or _EXIT.search(" ".join(self.tail))
        return int(match[1]) if match else None


def is_noise(line: str) -> bool:
    """Lines nobody reads: Docker 20.10 prints every step's digest."""
    return _DIGEST.match(line) is not None
