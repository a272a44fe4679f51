"""What a machine that signs people in itself keeps and where it listens."""

import json
import stat

import pytest

from infra.local.assembly import platform_environment
from infra.local.errors import RefusedError
from infra.local.issuer.accounts import SetupCode
from infra.local.remembered import given
from infra.local.settings import read_settings
from infra.local.state import State, create_state
from shared.settings import read


def test_the_setup_code_is_made_once_and_not_again_after_its_use(state: State) -> None:
    code = SetupCode(state.setup_code)
    first = code.read()
    assert len(first.replace("-", "")) == 20
    assert stat.S_IMODE(state.setup_code.stat().st_mode) == 0o600
    create_state(state, "http://127.0.0.1:1")
    assert code.read() == first
    assert code.fits(first)
    code.use_up()
    create_state(state, "http://127.0.0.1:1")
    assert code.read() == ""
    assert not code.fits("")
    assert code.renew() != first


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:8080"),
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("192.0.2.7", "http://192.0.2.7:8080"),
        ("::", "http://[::1]:8080"),
        ("2001:db8::1", "http://[2001:db8::1]:8080"),
    ],
)
def test_programs_of_the_machine_reach_the_api_wherever_it_listens(host: str, url: str) -> None:
    assert read_settings({"C2D_HOST": host, "HOME": "/home/ada"}).api_url == url


def test_a_name_is_no_address_to_listen_on() -> None:
    with pytest.raises(RefusedError, match="C2D_HOST is 'example'"):
        read_settings({"C2D_HOST": "example"})


def test_the_original_systems_names_reach_the_platform(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    casdoor = {"CASDOOR_ENDPOINT": "https://door.example", "CASDOOR_CLIENT_ID": "c1"}
    for name, value in casdoor.items():
        monkeypatch.setenv(name, value)
    assert given(casdoor) == casdoor
    settings = read_settings({"C2D_HOME": str(state.home)})
    told = platform_environment(settings, state, "postgresql:///x")
    assert read(told).sign_in == ("https://door.example", "c1")
    assert read(told).host == "127.0.0.1"
    assert json.loads(state.credentials.read_text())["token"] == told["C2D_API_TOKEN"]
