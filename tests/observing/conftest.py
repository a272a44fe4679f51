"""Fixtures: the functions over fakes, with everything that they write."""

import logging
from collections.abc import Iterator

import pytest

from shared.observing.lines import StandardOutput, write_lines
from tests.observing.scene import API_TOKEN, SETTINGS, Scene
from tests.observing.written import Written


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process of the platform: lines go to standard output."""
    monkeypatch.setenv("DATABASE_URL", SETTINGS.database_url)
    monkeypatch.setenv("C2D_API_TOKEN", API_TOKEN)
    root = logging.getLogger()
    before = {name: logging.getLogger(name).level for name in ("shared", "functions", "infra")}
    write_lines()
    yield
    for handler in [h for h in root.handlers if isinstance(h, StandardOutput)]:
        root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def written(writing: None, capsys: pytest.CaptureFixture[str]) -> Written:
    return Written(capsys)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)
