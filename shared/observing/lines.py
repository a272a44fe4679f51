"""Log lines as JSON, one object a line, with the ids of the work at hand and without secrets."""

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO
from urllib.parse import quote, unquote, urlsplit

from shared.observing.fields import known

OURS: Final = ("shared", "functions", "infra")
"""Whose lines are written from INFO on; everybody else's from WARNING on."""
_POOLS: Final = "shared.adapters.postgres"
"""SQLAlchemy's lines about connections have this name, since their pool is our class."""
LEVEL: Final = "C2D_LOG_LEVEL"
_LONGEST_TEXT: Final = 16 * 1024
_NAMES_OF_SECRETS: Final = ("TOKEN", "SECRET", "PASSWORD", "SECRET_ACCESS_KEY", "DATABASE_URL")
_MASK: Final = "***"
_SHORTEST: Final = 6
"""Characters a secret needs to be masked: shorter ones would blank out ordinary text."""
_TOKENS: Final = (
    ("c2d", r"(?a)(c2d[a-z]?_)[\w-]{16,}"),
    ("earer ", r"(?a)([Bb]earer )[\w.~+/=-]{16,}"),
)
"""What a token begins with, and what it looks like. Few lines hold any, so that the patterns are
compiled when they are needed: that is half a millisecond of each cold start."""


class Log:
    """The lines of one module; `more` are keys of that line alone: names, numbers and reasons."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, message: str, **more: object) -> None:
        self._write(logging.INFO, message, more)

    def warning(self, message: str, **more: object) -> None:
        self._write(logging.WARNING, message, more)

    def exception(self, message: str, **more: object) -> None:
        """With the trace of the exception that is being handled."""
        self._write(logging.ERROR, message, more, trace=True)

    def _write(
        self, level: int, message: str, more: dict[str, object], *, trace: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, message, exc_info=trace, extra={"more": more})


class JsonLines(logging.Formatter):
    """Masks what an environment holds under the name of a secret, and tokens of the platform."""

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__()
        named = [v for name, v in environment.items() if name.endswith(_NAMES_OF_SECRETS)]
        self._secrets = sorted({form for value in named for form in _forms(value)}, key=len)[::-1]

    def format(self, record: logging.LogRecord) -> str:
        more: dict[str, Any] = getattr(record, "more", {})
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage()[:_LONGEST_TEXT],
            **known(),
            **{name: _shown(value) for name, value in more.items() if value is not None},
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["trace"] = self.formatException(record.exc_info)[-_LONGEST_TEXT:]
        return self._masked(json.dumps(line, ensure_ascii=False, default=str))

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, _MASK)
        for begins, pattern in _TOKENS:
            if begins in text:
                text = re.sub(pattern, rf"\1{_MASK}", text)
        return text


class StandardOutput(logging.StreamHandler[TextIO]):
    """Writes to whatever standard output is at that moment."""

    def __init__(self, environment: dict[str, str]) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(JsonLines(environment))

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def write_lines() -> None:
    """Have every line of this process written as JSON, once; in place of Lambda's own way."""
    root = logging.getLogger()
    if any(isinstance(handler, StandardOutput) for handler in root.handlers):
        return
    for handler in [h for h in root.handlers if type(h).__module__.startswith("awslambdaric")]:
        root.removeHandler(handler)
    root.addHandler(StandardOutput(dict(os.environ)))
    for name in OURS:
        logging.getLogger(name).setLevel(os.environ.get(LEVEL, "INFO").upper())
    logging.getLogger(_POOLS).setLevel(logging.WARNING)


def _forms(value: str) -> set[str]:
    """The secret in `value` as it may stand in a line: of a URL only its password is one."""
    secret = urlsplit(value).password if "://" in value else value
    if secret is None:
        return set()
    forms = {secret, unquote(secret), quote(secret, safe="")}
    forms |= {json.dumps(form, ensure_ascii=False)[1:-1] for form in forms}
    return {form for form in forms if len(form) >= _SHORTEST}


def _shown(value: object) -> object:
    return value if isinstance(value, int | float | list | dict) else str(value)[:_LONGEST_TEXT]
