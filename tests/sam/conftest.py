"""One build for all tests of this folder."""

from pathlib import Path

import pytest

from tests.sam.command import sam


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder, with nothing taken from an earlier build."""
    folder = tmp_path_factory.mktemp("sam")
    sam("build", "--parallel", "--no-cached", "--build-dir", str(folder / "build"))
    return folder / "build"
