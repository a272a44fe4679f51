"""One deployment on an emulated AWS for the whole session."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import short_folder
from tests.emulated.home import Home, home


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home(short_folder(tmp_path_factory), {}) as made:
        yield made
