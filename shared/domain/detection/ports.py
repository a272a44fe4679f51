"""Guessing where an app listens when it does not ask the PORT variable."""

import re
from typing import Final

_READS_PORT: Final = re.compile(r"\bPORT\b")
_FLAG: Final = re.compile(r"(?:^|\s)(?:-p|--port|--server\.port)[ =](\d{2,5})\b")
_BIND: Final = re.compile(r"(?:^|\s)(?:-b|--bind|--listen|-l)[ =]\S*?:(\d{2,5})\b")


def port_in_command(command: str) -> int | None:
    """The port a command line fixes by flag, None where it has none or uses a variable."""
    match = _FLAG.search(command) or _BIND.search(command)
    return _valid(match.group(1)) if match else None


def port_in_source(text: str, *patterns: str) -> int | None:
    """A port written into the source as a number; None when the source reads PORT itself."""
    if _READS_PORT.search(re.sub(r"(?m)^\s*(?:#|//).*$", "", text)) and "env" in text.lower():
        return None
    for pattern in patterns:
        match = re.search(pattern, text)
        if match:
            return _valid(match.group(1))
    return None


def _valid(digits: str) -> int | None:
    port = int(digits)
    return port if 0 < port < 65536 else None
