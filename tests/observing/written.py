"""What a process has written to standard output, line by line."""

import json
from typing import Any

import pytest

Line = dict[str, Any]


class Written:
    """Every line is one JSON object, a log line or metrics; anything else fails the test."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.text = ""
        self.everything: list[Line] = []

    def read(self) -> list[Line]:
        """Those that came since the last time."""
        new = self._capsys.readouterr().out
        self.text += new
        found = [json.loads(line) for line in new.splitlines()]
        self.everything += found
        return found

    def lines(self) -> list[Line]:
        """All log lines until now."""
        self.read()
        return [each for each in self.everything if "_aws" not in each]

    def metrics(self) -> list[Line]:
        """All metric documents until now."""
        self.read()
        return [each for each in self.everything if "_aws" in each]

    def metric(self, name: str) -> list[Any]:
        """The values of one metric."""
        return [each[name] for each in self.metrics() if name in each]
