"""What is said of the installed Caddy at start."""

import pytest

from infra.caddy.versions import installed, promises
from shared.domain.errors import Invalid


@pytest.mark.parametrize("version", ["2.6.2", "v2.11.2 h1:abc=", "2.6", "v3.0.0"])
def test_a_caddy_that_routes_says_what_survives_and_what_does_not(version: str) -> None:
    said = promises(version)
    assert version.removeprefix("v").split()[0] in said
    assert "websockets survive" in said
    assert "restarting or upgrading Caddy itself closes" in said


@pytest.mark.parametrize("version", ["2.5.9", "v1.0.5", "1", "", "unknown"])
def test_a_caddy_that_cannot_look_routes_up_is_refused_with_what_to_install(version: str) -> None:
    with pytest.raises(Invalid, match=r"install Caddy 2\.6 or newer"):
        promises(version)


def test_the_installed_caddy_is_one_that_routes() -> None:
    assert promises(installed())


def test_a_missing_caddy_says_how_to_get_it() -> None:
    with pytest.raises(Invalid, match="apt-get install caddy"):
        installed("/nonexistent/caddy")
