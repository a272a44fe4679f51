"""Three ways to show a deployment while it runs: a live table, plain lines, JSON lines."""

import re
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from c2d.models import Deployment, LogLine, Step
from c2d.outcome import headline, next_step
from c2d.render import Screen, clean, duration, log_text, style_of
from c2d.watch import OUTCOMES, View

_MARKS = {"succeeded": "✓", "failed": "✗", "skipped": "·", "running": "…"}


def view_for(screen: Screen, name: str) -> View:
    """The view that fits where the output goes."""
    if screen.json:
        return JsonView(screen)
    return LiveView(screen, name) if screen.err.is_terminal else PlainView(screen, name)


class Outcomes:
    """What was last told of each step."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, str, int]] = {}

    def changed(self, step: Step) -> bool:
        """Whether this is news: another outcome, or another try."""
        news = (step["attempt"], step["outcome"], step["tries"])
        before = self._told.get(step["name"])
        self._told[step["name"]] = news
        return before != news


class PlainView:
    """One line per change, with the seconds since the start: for files and pipelines."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        self._name = name
        self._started = time.monotonic()
        self._outcomes = Outcomes()

    def __enter__(self) -> "PlainView":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def deployment(self, deployment: Deployment) -> None:
        self._line(_state(deployment))

    def steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if self._outcomes.changed(step):
                self._line(step_line(step))

    def log(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            self._screen.log(line, to_stderr=True)

    def outcome(self, deployment: Deployment, steps: Sequence[Step], log: list[LogLine]) -> None:
        show_outcome(self._screen, self._name, deployment, steps, log)

    def _line(self, text: str) -> None:
        self._screen.say(f"{time.monotonic() - self._started:7.1f} s  {text}")


class LiveView:
    """A table that changes in place, the log scrolling above it: for a terminal."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        self._name = name
        self._started = time.monotonic()
        self._since: dict[str, float] = {}
        self._deployment: Deployment | None = None
        self._steps: Sequence[Step] = ()
        self._spinner = Spinner("dots")
        self._live = Live(
            console=screen.err, get_renderable=self._picture, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def deployment(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def steps(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        for step in steps:
            self._since.setdefault(step["name"], time.monotonic())

    def log(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            text = log_text(line["text"], keep_colour=True)
            self._screen.err.print(Text.from_ansi(text), soft_wrap=True)

    def outcome(self, deployment: Deployment, steps: Sequence[Step], log: list[LogLine]) -> None:
        for step in steps:
            self._screen.err.print(
                Text(f"  {step_line(step)}", style=style_of(step["outcome"])), soft_wrap=True
            )
        show_outcome(self._screen, self._name, deployment, steps, log)

    def _picture(self) -> RenderableType:
        if self._deployment is None:
            return Text("")
        spent = duration((time.monotonic() - self._started) * 1000)
        head = Text.assemble(
            (f"{self._name} #{self._deployment['number']}", "bold"),
            "  ",
            (_state(self._deployment), style_of(self._deployment["state"])),
            (f"  {spent}", "dim"),
        )
        table = Table.grid(padding=(0, 2, 0, 0))
        for step in self._steps:
            table.add_row(*self._row(step))
        return Group(head, table)

    def _row(self, step: Step) -> list[RenderableType]:
        style = style_of(step["outcome"])
        name = Text(spoken(step["name"]), style=style)
        if step["outcome"] != "running":
            mark = Text(f"  {_MARKS.get(step['outcome'], '?')}", style=style)
            return [mark, name, Text(duration(step["duration_ms"]), style="dim")]
        since = self._since[step["name"]]
        tries = f" (try {step['tries']})" if step["tries"] > 1 else ""
        spent = Text(duration((time.monotonic() - since) * 1000) + tries, style="dim")
        return [self._spinner, name, spent]


class JsonView:
    """One JSON document per line: `deployment`, `step`, `log`, and at the end `outcome`."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._outcomes = Outcomes()

    def __enter__(self) -> "JsonView":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def deployment(self, deployment: Deployment) -> None:
        self._event("deployment", deployment=deployment)

    def steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if self._outcomes.changed(step):
                self._event("step", step=step)

    def log(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            self._event("log", line=line)

    def outcome(self, deployment: Deployment, steps: Sequence[Step], log: list[LogLine]) -> None:
        self.steps(steps)
        self.log(log)
        state = deployment["state"]
        self._event("outcome", outcome=state, exit_code=int(OUTCOMES[state]), deployment=deployment)

    def _event(self, kind: str, **content: Any) -> None:
        self._screen.line({"event": kind, **content})


def show_outcome(
    screen: Screen, name: str, deployment: Deployment, steps: Sequence[Step], log: list[LogLine]
) -> None:
    """How it ended: the address and the time, or the reason and what to do next."""
    if log:
        screen.say(f"The last {len(log)} lines of its log:", "dim")
        for line in log:
            screen.log(line, to_stderr=True)
    screen.say(headline(name, deployment, steps), f"bold {style_of(deployment['state'])}")
    if hint := next_step(name, deployment):
        screen.say(hint)
    if deployment["state"] == "live" and deployment["url"]:
        screen.value(deployment["url"])


def spoken(name: str) -> str:
    """A step's name as words: `HealthGate` is `Health gate`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", clean(name)).capitalize()


def step_line(step: Step) -> str:
    """A step, how long it took, and why it failed."""
    line = f"{_MARKS.get(step['outcome'], '?')} {spoken(step['name'])}"
    if step["outcome"] != "running" and step["duration_ms"] is not None:
        line += f"  {duration(step['duration_ms'])}"
    if step["tries"] > 1:
        line += f"  (try {step['tries']})"
    if step["outcome"] == "failed" and step["reason"]:
        line += f"  {step['reason']}"
    return line


def _state(deployment: Deployment) -> str:
    state = deployment["state"]
    if deployment["cancel_requested"] and state not in OUTCOMES:
        state += ", cancelling"
    return f"{state}: {deployment['waiting_for']}" if deployment["waiting_for"] else state
