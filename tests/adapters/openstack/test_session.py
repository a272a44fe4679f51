"""Tokens, the catalogue, deadlines and what is sent with every call."""

import httpx
import pytest

from shared.adapters.openstack.keystone import Access
from shared.adapters.openstack.services import (
    COMPUTE,
    DNS,
    IMAGE,
    NETWORK,
    SECRETS,
    VOLUME,
    Service,
)
from shared.adapters.openstack.session import Session
from shared.adapters.openstack.transport import Request, exchange
from shared.domain.errors import Forbidden, Invalid, Transient
from tests.adapters.openstack.scripted import PROJECT, Scripted, answer
from tests.fakes.breakers import FakeBreakers

ID = "11111111-2222-3333-4444-555555555555"
EXPIRED = {
    "error": {"code": 401, "message": "The request you have made …", "title": "Unauthorized"}
}


def read(scripted: Scripted, service: Service = COMPUTE) -> httpx.Response:
    return scripted.session.call(service, "GET", "/things", what="the things")


def tokens(scripted: Scripted) -> list[str]:
    return [request.headers["X-Auth-Token"] for request in scripted.asked]


def test_one_token_serves_many_calls() -> None:
    scripted = Scripted(lambda _: answer(200, {}))
    for service in (COMPUTE, NETWORK, VOLUME):
        read(scripted, service)
    assert scripted.signed_in == 1


def test_a_token_that_expires_in_the_middle_is_not_noticed() -> None:
    def expire(request: httpx.Request) -> httpx.Response:
        old = request.headers["X-Auth-Token"] == "token-1" and len(scripted.asked) > 2
        return answer(401, EXPIRED) if old else answer(200, {"things": []})

    scripted = Scripted(expire)
    assert [read(scripted).status_code for _ in range(5)] == [200] * 5
    assert tokens(scripted) == ["token-1"] * 3 + ["token-2"] * 3


def test_a_token_is_renewed_a_margin_before_it_expires() -> None:
    scripted = Scripted(lambda _: answer(200, {}), lifetime=3600)
    read(scripted)
    scripted.clock.now = 3539
    read(scripted)
    scripted.clock.now = 3541
    read(scripted)
    assert tokens(scripted) == ["token-1", "token-1", "token-2"]


def test_a_token_of_seconds_has_a_margin_that_fits() -> None:
    scripted = Scripted(lambda _: answer(200, {}), lifetime=20)
    read(scripted)
    scripted.clock.now = 15
    read(scripted)
    scripted.clock.now = 17
    read(scripted)
    assert tokens(scripted) == ["token-1", "token-1", "token-2"]


def test_a_new_token_that_is_refused_is_an_answer() -> None:
    scripted = Scripted(lambda _: answer(401, EXPIRED))
    with pytest.raises(Forbidden, match="application credential"):
        read(scripted)
    assert (scripted.signed_in, len(scripted.asked)) == (2, 2)


def test_threads_that_are_refused_together_sign_in_once() -> None:
    scripted = Scripted(lambda _: answer(200, {}))
    keystone = scripted.session._keystone
    old = keystone.token()
    assert keystone.token(refused=old) is keystone.token(refused=old)
    assert scripted.signed_in == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_credential_that_keystone_does_not_take_never_looks_like_a_deletion(status: int) -> None:
    http = httpx.Client(transport=httpx.MockTransport(lambda _: answer(status, EXPIRED)))
    access = Access("http://keystone.test", "gone", "s3cret")
    session = Session(access, FakeBreakers(), http=http)
    with pytest.raises(Forbidden, match="OS_APPLICATION_CREDENTIAL_ID") as caught:
        session.delete(COMPUTE, f"/servers/{ID}", what="a server")
    assert "s3cret" not in str(caught.value) + repr(access)


@pytest.mark.parametrize(
    ("service", "url"),
    [
        (COMPUTE, "http://nova.test/v2.1/things"),
        (NETWORK, "http://neutron.test/v2.0/things"),
        (VOLUME, f"http://cinder.test/v3/{PROJECT}/things"),
        (DNS, "http://designate.test/v2/things"),
        (SECRETS, "http://barbican.test/v1/things"),
        (IMAGE, "http://glance.test/v2/things"),
    ],
)
def test_a_service_is_found_by_type_interface_and_region(service: Service, url: str) -> None:
    scripted = Scripted(lambda _: answer(200, {}))
    read(scripted, service)
    assert str(scripted.asked[0].url) == url


@pytest.mark.parametrize("root", ["", "/", "/v3", "/v3/", f"/v3/{PROJECT}"])
def test_an_address_has_its_version_and_project_once(root: str) -> None:
    scripted = Scripted(lambda _: answer(200, {}))
    scripted.places = {"block-storage": f"http://cinder.test{root}"}
    read(scripted, VOLUME)
    assert str(scripted.asked[0].url) == f"http://cinder.test/v3/{PROJECT}/things"


def test_a_service_that_the_catalogue_lacks_is_named() -> None:
    scripted = Scripted(lambda _: answer(200, {}))
    del scripted.places["dns"]
    with pytest.raises(Invalid, match=r"Designate \(dns\) in region RegionOne.*OS_REGION_NAME"):
        read(scripted, DNS)


@pytest.mark.parametrize(
    ("service", "version"), [(COMPUTE, "compute 2.79"), (VOLUME, "volume 3.59"), (DNS, None)]
)
def test_a_call_says_its_microversion_and_takes_json(service: Service, version: str | None) -> None:
    scripted = Scripted(lambda _: answer(200, {}))
    read(scripted, service)
    sent = scripted.asked[0].headers
    assert (sent.get("OpenStack-API-Version"), sent["Accept"]) == (version, "application/json")


def test_a_redirect_is_not_followed_with_a_token() -> None:
    scripted = Scripted(lambda _: answer(302, None, location="http://elsewhere.test/"))
    with pytest.raises(Transient):
        read(scripted)
    assert len(scripted.asked) == 1


def test_an_answer_that_drips_in_ends_at_the_deadline() -> None:
    class Drips(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for _ in range(100):
                now.append(now[-1] + 1.0)
                yield b" "

    now = [0.0]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Drips()))
    request = Request("GET", "http://slow.test/", {}, seconds=5)
    with httpx.Client(transport=transport) as http, pytest.raises(httpx.ReadTimeout):
        exchange(http, request, clock=lambda: now[-1])
    assert now[-1] == 6.0


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("cut")]
)
def test_no_answer_is_transient(error: httpx.HTTPError) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(Transient, match="the things: Nova did not answer in time"):
        read(Scripted(fail))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_transient(body: bytes) -> None:
    scripted = Scripted(lambda _: httpx.Response(200, content=body))
    with pytest.raises(Transient, match=r"not (a )?JSON"):
        scripted.session.document(COMPUTE, "GET", "/things", what="the things")
