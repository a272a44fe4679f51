"""What the terminal shows: data on stdout, everything else on stderr."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from c2d.errors import CliError
from c2d.models import LogLine

_SGR = re.compile(r"\x1b\[[0-9;]*m")
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_STYLES: Final = {
    "live": "green",
    "succeeded": "green",
    "ok": "green",
    "failed": "red",
    "crashed": "red",
    "needs_attention": "red",
    "cancelled": "yellow",
    "superseded": "yellow",
    "waiting": "yellow",
    "stopped": "yellow",
    "deploying": "cyan",
    "queued": "cyan",
    "building": "cyan",
    "releasing": "cyan",
    "running": "cyan",
}

Cell = str | int | None


class Screen:
    """One command's output. With `json` stdout holds JSON and nothing else."""

    def __init__(self, as_json: bool = False) -> None:
        self.json = as_json
        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)
        self._noticed = 0.0

    def document(self, document: Any) -> None:
        """The one JSON document of a command."""
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def line(self, document: Any) -> None:
        """One line of a stream of JSON documents."""
        sys.stdout.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def value(self, text: str) -> None:
        """A bare value a script may read: an address, an id."""
        sys.stdout.write(clean(text) + "\n")
        sys.stdout.flush()

    def flush(self) -> None:
        """Show at once what was written, also in a pipe."""
        sys.stdout.flush()

    def say(self, text: str, style: str = "") -> None:
        """A remark for the person, on stderr."""
        self.err.print(Text(clean(text), style=style), soft_wrap=True)

    def notice(self, error: CliError) -> None:
        """The platform is away and the client keeps trying: said now and every ten seconds."""
        at = datetime.now(UTC).timestamp()
        if at - self._noticed >= 10:
            self._noticed = at
            self.say(f"{error.message}; trying again", "yellow")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A table for people; without a terminal plain columns that are never cut."""
        cells = [["" if cell is None else clean(str(cell)) for cell in row] for row in rows]
        if not self.out.is_terminal:
            self._columns([[name.upper() for name in columns], *cells])
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name.upper(), overflow="fold")
        for row in cells:
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
        self.out.print(table)

    def fields(self, pairs: Iterable[tuple[str, Cell]]) -> None:
        """Names and values, one a line; empty values are left out."""
        kept = [(name, clean(str(value))) for name, value in pairs if value not in (None, "")]
        width = max((len(name) for name, _ in kept), default=0)
        for name, value in kept:
            text = Text.assemble((f"{name:<{width}}  ", "dim"), (value, _STYLES.get(value, "")))
            self.out.print(text, soft_wrap=True)

    def log(self, line: LogLine, timestamps: bool = False, *, to_stderr: bool = False) -> None:
        """One line of a log. Colours reach a terminal; what could move its cursor does not."""
        stream = sys.stderr if to_stderr else sys.stdout
        text = log_text(line["text"], keep_colour=stream.isatty())
        stream.write(f"{line['at']} {text}\n" if timestamps else f"{text}\n")

    def _columns(self, rows: list[list[str]]) -> None:
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        for row in rows:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write("  ".join(padded).rstrip() + "\n")


def clean(text: str) -> str:
    """Text of others without control characters."""
    return _ESCAPES.sub("", text)


def log_text(text: str, *, keep_colour: bool) -> str:
    """A log line as it may be shown: a progress bar's last state, colours only if wanted."""
    text = text.rstrip("\r\n").rpartition("\r")[2]
    if not keep_colour or "\x1b" not in text:
        return clean(text)
    parts = [clean(part) for part in _SGR.split(text)]
    codes = [*_SGR.findall(text), "\x1b[0m"]
    return "".join(part + code for part, code in zip(parts, codes, strict=True))


def style_of(state: str) -> str:
    """The colour a state is shown in."""
    return _STYLES.get(state, "")


def ago(at: str | None) -> str:
    """A time as people say it: `3 min ago`."""
    if not at:
        return ""
    seconds = (datetime.now(UTC) - moment(at)).total_seconds()
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // size))} {unit} ago"
    return f"{int(seconds // 86_400)} days ago"


def moment(at: str) -> datetime:
    """An ISO 8601 time; without an offset it is UTC."""
    parsed = datetime.fromisoformat(at)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def duration(milliseconds: float | None) -> str:
    """A length of time: `0.4 s`, `12.3 s`, `2 min 05 s`."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def short(text: str | None, length: int = 10) -> str:
    """A commit or an image reference, shortened; the digest's own digits count."""
    if not text:
        return ""
    return text.rpartition(":")[2][:length] if text.startswith("sha256:") else text[:length]


def first_line(text: str | None, length: int = 60) -> str:
    """The first line of a commit message."""
    line = (text or "").strip().partition("\n")[0]
    return line if len(line) <= length else line[: length - 1] + "…"
