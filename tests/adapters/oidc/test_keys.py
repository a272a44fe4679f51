"""Keys are rotated without a restart, and an issuer is neither hammered nor needed all the time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from shared.adapters.oidc.access_tokens import AccessTokens
from shared.adapters.oidc.claims import Rules, organization_of
from shared.adapters.oidc.keys import KeyRing
from shared.adapters.oidc.sources import HttpKeys
from shared.domain.errors import Transient, Unauthenticated
from tests.adapters.oidc.issuer import CLIENT, KEYS, Issuer, served
from tests.fakes.clock import Clock

TTL, PAUSE, STALE = 600.0, 5.0, 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def ring(issuer: Issuer, clock: Clock) -> KeyRing:
    return KeyRing(issuer, ttl=TTL, pause=PAUSE, stale=STALE, clock=clock)


def test_keys_are_fetched_once_and_again_when_they_are_old(
    ring: KeyRing, issuer: Issuer, clock: Clock
) -> None:
    assert not ring.ready("cert-1")
    for _ in range(3):
        ring.find("cert-1")
    assert issuer.fetches == 1
    assert ring.ready("cert-1")
    clock.now += TTL
    assert not ring.ready("cert-1")
    ring.find("cert-1")
    assert issuer.fetches == 2


def test_a_rotated_key_is_picked_up_and_the_withdrawn_one_refused(
    ring: KeyRing, issuer: Issuer, clock: Clock
) -> None:
    ring.find("cert-1")
    issuer.published = ["cert-2"]
    clock.now += PAUSE
    ring.find("cert-2")
    with pytest.raises(Unauthenticated):
        ring.find("cert-1")


def test_made_up_key_ids_do_not_hammer_the_issuer(
    ring: KeyRing, issuer: Issuer, clock: Clock
) -> None:
    ring.find("cert-1")
    clock.now += PAUSE
    for number in range(100):
        with pytest.raises(Unauthenticated):
            ring.find(f"made-up-{number}")
    assert issuer.fetches == 2


def test_an_issuer_that_is_down_is_not_needed_for_known_keys(
    ring: KeyRing, issuer: Issuer, clock: Clock
) -> None:
    ring.find("cert-1")
    issuer.down = True
    clock.now += TTL
    ring.find("cert-1")
    assert ring.ready("cert-1"), "nobody waits for it again before the pause is over"
    with pytest.raises(Transient, match="it is down"):
        ring.find("cert-2")
    clock.now += STALE
    with pytest.raises(Transient, match="it is down"):
        ring.find("cert-1")
    issuer.down = False
    clock.now += PAUSE
    ring.find("cert-1")


def test_an_issuer_that_has_never_answered_is_not_the_callers_fault(
    ring: KeyRing, issuer: Issuer, clock: Clock
) -> None:
    issuer.down = True
    for _ in range(3):
        with pytest.raises(Transient, match="it is down"):
            ring.find("cert-1")
    assert issuer.fetches == 1
    issuer.down = False
    clock.now += PAUSE
    ring.find("cert-1")


class Slow(Issuer):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = threading.Event(), threading.Event()

    def fetch(self) -> dict[str, object]:
        self.asked.set()
        assert self.answer.wait(10)
        return super().fetch()


def test_while_one_asks_known_keys_serve_and_unknown_ones_wait(clock: Clock) -> None:
    issuer = Slow()
    issuer.answer.set()
    ring = KeyRing(issuer, ttl=TTL, pause=PAUSE, clock=clock)
    ring.find("cert-1")
    issuer.published = ["cert-1", "cert-2"]
    issuer.asked.clear()
    issuer.answer.clear()
    clock.now += TTL
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(ring.find, "cert-1")
        assert issuer.asked.wait(10)
        ring.find("cert-1")
        assert not ring.ready("cert-2")
        rotated = [threads.submit(ring.find, "cert-2") for _ in range(5)]
        issuer.answer.set()
        assert first.result(10)
        assert all(each.result(10) for each in rotated)
    assert issuer.fetches == 2


def test_over_http_by_discovery_and_without_a_restart() -> None:
    with served(Issuer()) as issuer:
        rules = Rules(issuer.url, CLIENT, partial(organization_of, issuer.url))
        ring = KeyRing(HttpKeys(issuer.url), pause=0)
        checked = AccessTokens(rules, ring)
        assert checked.check(issuer.token()).name == "Ada Lovelace"
        issuer.published, issuer.signer = ["cert-1", "cert-2"], "cert-2"
        assert checked.check(issuer.token()).name == "Ada Lovelace"
        assert issuer.fetches == 2


def test_an_address_of_keys_can_be_given() -> None:
    with served(Issuer()) as issuer:
        keys = HttpKeys("https://id.example", jwks_url=issuer.url + KEYS)
        assert [entry["kid"] for entry in keys.fetch()["keys"]] == ["cert-1"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (lambda url: HttpKeys("http://id.example"), "not an https address"),
        (lambda url: HttpKeys(url, jwks_url="file:///etc/passwd"), "not an https address"),
        (lambda url: HttpKeys(url.replace("127.0.0.1", "localhost")), "calls itself"),
        (lambda url: HttpKeys(url, jwks_url=f"{url}/moved"), "redirects"),
        (lambda url: HttpKeys("http://127.0.0.1:1"), "no answer"),
    ],
    ids=["plain http", "a file", "another name", "a redirect", "nobody"],
)
def test_keys_from_a_doubtful_place_are_refused(keys: object, said: str) -> None:
    with served(Issuer()) as issuer, pytest.raises(Transient, match=said):
        keys(issuer.url).fetch()  # type: ignore[operator]


def test_an_issuer_that_answers_an_error_is_named() -> None:
    with served(Issuer()) as issuer:
        issuer.down = True
        with pytest.raises(Transient, match="answered 503"):
            HttpKeys(issuer.url).fetch()
