"""Waits and pages when the cloud misbehaves meanwhile: only a real 404 means gone."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.adapters.openstack.clients import OpenStack, clients_of
from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import COMPUTE, IMAGE, NETWORK, SECRETS
from shared.adapters.openstack.waiting import Waits
from shared.domain.errors import Conflict, InstanceFailed, NotFound, Transient
from tests.adapters.openstack.scripted import Scripted, answer
from tests.fakes.clock import Clock

ID = "11111111-2222-3333-4444-555555555555"
GONE = answer(404, {"itemNotFound": {"code": 404, "message": "Instance could not be found."}})


def server(status: str, task: str | None = None, **more: Any) -> httpx.Response:
    document = {
        "id": ID,
        "name": "api",
        "status": status,
        "OS-EXT-STS:task_state": task,
        "created": "2031-01-01T00:00:00Z",
        "tags": ["instance=1"],
        "metadata": {},
        **more,
    }
    return answer(200, {"server": document})


def volume(status: str) -> httpx.Response:
    document = {
        "id": ID,
        "name": "data",
        "status": status,
        "size": 1,
        "metadata": {},
        "attachments": [],
        "created_at": "2031-01-01T00:00:00",
    }
    return answer(200, {"volume": document})


class Scene:
    """Answers given in turn, the last one again and again; sleeping moves the clock."""

    def __init__(self, *answers: httpx.Response) -> None:
        self._answers: Iterator[httpx.Response] = iter(answers)
        self._last = answers[-1]
        self.slept: list[float] = []
        self.scripted = Scripted(lambda _: next(self._answers, self._last))
        self.clock: Clock = self.scripted.clock
        self.api: OpenStack = clients_of(
            self.scripted.session, Waits(every=1.0, clock=self.clock, sleep=self._sleep)
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now += seconds


def test_a_deleted_server_that_is_active_once_more_is_not_there_to_stay() -> None:
    scene = Scene(server("BUILD", "deleting"), server("ACTIVE"), server("DELETED"), GONE)
    scene.api.nova.wait_gone(ID, seconds=60)
    assert len(scene.slept) == 3


@pytest.mark.parametrize(
    "nonsense",
    [
        httpx.Response(404, content=b"default backend - 404"),
        httpx.Response(502, content=b"<html>"),
        httpx.Response(200, content=b"<html>"),
        answer(503, None, retry_after="1"),
    ],
)
def test_what_a_proxy_says_is_no_deletion(nonsense: httpx.Response) -> None:
    scene = Scene(nonsense, nonsense, server("ACTIVE", "deleting"))
    with pytest.raises(Transient, match="not within 10 s"):
        scene.api.nova.wait_gone(ID, seconds=10)


def test_an_expired_token_is_no_deletion() -> None:
    expired = answer(401, {"error": {"code": 401, "message": "expired", "title": "Unauthorized"}})
    scene = Scene(expired, server("ACTIVE", "deleting"), GONE)
    scene.api.nova.wait_gone(ID, seconds=60)
    assert scene.scripted.signed_in == 2


def test_a_wait_goes_on_after_failures_and_as_late_as_they_ask() -> None:
    scene = Scene(
        server("BUILD", "spawning"),
        answer(503, None, retry_after="7"),
        server("ACTIVE", "powering-on"),
        server("ACTIVE"),
    )
    assert scene.api.nova.wait_active(ID, seconds=60).status == "ACTIVE"
    assert scene.slept == [1.0, 7.0, 1.0]


def test_a_wait_has_an_end_and_says_what_it_saw_last() -> None:
    scene = Scene(answer(500, {"computeFault": {"code": 500, "message": "hunter2"}}))
    with pytest.raises(Transient, match=r"ACTIVE: not within 5 s: .*Nova") as caught:
        scene.api.nova.wait_active(ID, seconds=5)
    assert scene.clock.now == 5
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("No valid host was found. There are not enough hosts", "smaller flavor"),
        ("Build of instance 7 aborted: Failed to allocate the network(s)", "network"),
        ("hunter2 in a traceback", "operator"),
    ],
)
def test_a_server_that_failed_says_why_in_our_words(message: str, said: str) -> None:
    scene = Scene(server("BUILD"), server("ERROR", fault={"code": 500, "message": message}))
    with pytest.raises(InstanceFailed, match=said) as caught:
        scene.api.nova.wait_active(ID, seconds=60)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_deleted_while_it_is_awaited_is_not_found() -> None:
    scene = Scene(server("BUILD"), GONE)
    with pytest.raises(NotFound):
        scene.api.nova.wait_active(ID, seconds=60)


@pytest.mark.parametrize("status", ["error", "error_deleting", "error_extending"])
def test_a_volume_in_an_error_is_not_awaited_to_the_end(status: str) -> None:
    scene = Scene(volume("creating"), volume(status))
    with pytest.raises(Conflict, match=f"Cinder says {status}"):
        scene.api.cinder.wait_volume(ID, "available", seconds=600)
    with pytest.raises(Conflict, match=f"Cinder says {status}"):
        scene.api.cinder.wait_volume_gone(ID, seconds=600)
    assert scene.clock.now == 1


def test_a_recordset_in_error_may_still_become_active() -> None:
    def recordset(status: str) -> httpx.Response:
        return answer(
            200,
            {
                "id": ID,
                "zone_id": "zone",
                "name": "api.example.",
                "type": "A",
                "records": ["203.0.113.1"],
                "ttl": 60,
                "status": status,
            },
        )

    scene = Scene(recordset("PENDING"), recordset("ERROR"), recordset("ACTIVE"))
    assert scene.api.designate.wait_recordset("zone", ID, seconds=60).status == "ACTIVE"


@pytest.mark.parametrize(
    ("service", "key", "link"),
    [
        (COMPUTE, "servers", {"servers_links": [{"rel": "next", "href": "http://evil.test/?m=2"}]}),
        (NETWORK, "ports", {"ports_links": [{"rel": "next", "href": "https://other.test/p?m=2"}]}),
        (SECRETS, "secrets", {"next": "http://localhost:9311/v1/secrets?m=2", "total": 2}),
        (IMAGE, "images", {"next": "/v2/images?m=2", "first": "/v2/images"}),
    ],
)
def test_the_next_page_is_asked_where_the_first_was_wherever_its_link_leads(
    service: Any, key: str, link: dict[str, Any]
) -> None:
    scene = Scene(
        answer(200, {key: [{"id": "1"}], **link}),
        answer(200, {key: [{"id": "2"}], f"{key}_links": [{"rel": "previous", "href": "x"}]}),
    )
    found = list(items(scene.scripted.session, service, "/things", key, what="things"))
    assert [one["id"] for one in found] == ["1", "2"]
    first, second = (request.url for request in scene.scripted.asked)
    assert (first.host, first.path) == (second.host, second.path)
    assert second.query == b"m=2"


def test_a_list_that_breaks_off_is_not_taken_for_all_there_is() -> None:
    more = {"servers_links": [{"rel": "next", "href": "http://nova.test/?marker=1"}]}
    scene = Scene(answer(200, {"servers": [], **more}), answer(500, None))
    with pytest.raises(Transient):
        scene.api.nova.find_servers("instance=1")
    with pytest.raises(Transient, match="has no servers"):
        Scene(answer(200, {"unexpected": []})).api.nova.find_servers("instance=1")


def test_pages_that_lead_in_a_circle_end() -> None:
    circle = {"servers_links": [{"rel": "next", "href": "http://nova.test/?marker=1"}]}
    scene = Scene(answer(200, {"servers": [], **circle}))
    with pytest.raises(Transient, match="do not end"):
        scene.api.nova.find_servers("instance=1")
