"""Creates that are repeated, at once or after a crash, and answers to distrust."""

import json
from typing import Any

import httpx
import pytest

from shared.adapters.openstack.cinder import VolumeSpec
from shared.adapters.openstack.clients import access_of, clients_of, configured
from shared.adapters.openstack.neutron import PortSpec
from shared.adapters.openstack.nova import ServerSpec
from shared.domain.errors import InUse, Invalid, Transient
from shared.settings import read
from tests.adapters.openstack.scripted import Scripted, answer
from tests.fakes.breakers import FakeBreakers

SPEC = ServerSpec("api", "instance=1", "image", "flavor", ("port",), user_data=b"#cloud-config")
HELD = answer(409, {"conflictingRequest": {"code": 409, "message": "Port p is still in use."}})


def server(
    name: str, *, task: str | None = None, status: str = "ACTIVE", tag: str = SPEC.tag
) -> Any:
    return {
        "id": name,
        "name": name,
        "status": status,
        "OS-EXT-STS:task_state": task,
        "created": f"2031-01-01T00:00:0{name[-1]}Z",
        "tags": [tag],
        "metadata": {},
    }


class Servers:
    """What Nova lists, list by list, and what it says to a create."""

    def __init__(self, *lists: list[Any], created: httpx.Response) -> None:
        self._lists, self._created = iter(lists), created
        self.scripted = Scripted(self._answer)
        self.nova = clients_of(self.scripted.session).nova

    @property
    def creates(self) -> list[Any]:
        return [
            json.loads(request.content)
            for request in self.scripted.asked
            if request.method == "POST"
        ]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return self._created
        if request.url.path.endswith("/detail"):
            return answer(200, {"servers": next(self._lists)})
        return answer(200, {"server": server(request.url.path.rsplit("/", 1)[-1])})


MADE = answer(202, {"server": {"id": "new-9", "adminPass": "hunter2"}})


def test_a_server_that_is_there_is_adopted_and_none_is_made() -> None:
    servers = Servers([server("second-2"), server("first-1")], created=MADE)
    assert servers.nova.ensure_server(SPEC).id == "first-1"
    assert servers.creates == []


def test_a_server_on_its_way_out_is_not_adopted() -> None:
    going = [server("old-1", task="deleting"), server("old-2", status="DELETED")]
    servers = Servers(going, created=MADE)
    made = servers.nova.ensure_server(SPEC)
    assert made.id == "new-9"
    assert "hunter2" not in repr(made)


def test_a_create_that_comes_second_adopts_what_the_first_made() -> None:
    servers = Servers([], [server("first-1")], created=HELD)
    assert servers.nova.ensure_server(SPEC).id == "first-1"


def test_a_port_of_somebody_else_is_not_adopted_with_its_server() -> None:
    servers = Servers([], [server("other-1", tag="instance=2")], created=HELD)
    with pytest.raises(InUse):
        servers.nova.ensure_server(SPEC)


def test_a_create_whose_answer_was_lost_is_adopted_by_the_next() -> None:
    servers = Servers([], [server("made-1")], created=answer(504, None))
    with pytest.raises(Transient):
        servers.nova.ensure_server(SPEC)
    assert servers.nova.ensure_server(SPEC).id == "made-1"
    assert len(servers.creates) == 1


def test_a_server_is_asked_for_with_its_tags_port_and_user_data() -> None:
    servers = Servers([], created=MADE)
    servers.nova.ensure_server(SPEC)
    body = servers.creates[0]["server"]
    assert body["networks"] == [{"port": "port"}]
    assert body["tags"] == ["instance=1"]
    assert body["user_data"] == "I2Nsb3VkLWNvbmZpZw=="
    assert "cloud-config" not in repr(SPEC)


def test_user_data_that_nova_does_not_take_is_refused_before_it_is_sent() -> None:
    servers = Servers([], created=MADE)
    spec = ServerSpec("api", "instance=1", "i", "f", ("p",), user_data=b"x" * 49_200)
    with pytest.raises(Invalid, match="49 kB"):
        servers.nova.ensure_server(spec)
    assert servers.scripted.asked == []


def test_a_filter_that_neutron_ignores_adopts_nothing_of_others() -> None:
    port = {
        "id": "other",
        "name": "other",
        "network_id": "net",
        "status": "ACTIVE",
        "device_id": "",
        "fixed_ips": [],
        "security_groups": [],
        "tags": [],
    }

    def world(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return answer(201, {"port": {**port, "id": "mine", "name": "mine"}})
        return answer(200, {"ports": [port], "floatingips": [], "security_groups": []})

    api = clients_of(Scripted(world).session)
    assert api.neutron.ensure_port(PortSpec("mine", "net", ())).id == "mine"
    assert api.neutron.find_ports(tag="c2d") == []


def test_a_volume_that_is_going_is_not_adopted() -> None:
    going = {
        "id": "old",
        "name": "data",
        "status": "deleting",
        "size": 1,
        "attachments": [],
        "created_at": "2031",
    }

    def world(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return answer(202, {"volume": {**going, "id": "new", "status": "creating"}})
        return answer(200, {"volumes": [going]})

    cinder = clients_of(Scripted(world).session).cinder
    assert cinder.ensure_volume(VolumeSpec("data", 1)).id == "new"


def test_a_secret_is_called_by_its_id_wherever_its_reference_leads() -> None:
    reference = "http://internal.test:9311/v1/secrets/77"

    def world(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return answer(201, {"secret_ref": reference})
        if request.url.path.endswith("/payload"):
            return httpx.Response(200, content=b"value")
        return answer(200, {"secrets": [], "total": 0})

    scripted = Scripted(world)
    barbican = clients_of(scripted.session).barbican
    assert barbican.value(barbican.ensure("name", "value").id) == "value"
    last = scripted.asked[-1]
    assert str(last.url) == "http://barbican.test/v1/secrets/77/payload"
    assert last.headers["Accept"] == "text/plain"


def test_the_console_of_a_server_without_one_is_empty() -> None:
    refused = answer(409, {"conflictingRequest": {"code": 409, "message": "not ready"}})
    assert clients_of(Scripted(lambda _: refused).session).nova.console("7", lines=9) == ""


def test_settings_are_read_under_the_names_that_every_client_has() -> None:
    environment = {
        "OS_AUTH_URL": "http://keystone.test:5000/v3",
        "OS_APPLICATION_CREDENTIAL_ID": "id",
        "OS_APPLICATION_CREDENTIAL_SECRET": "hunter2",
        "OS_REGION_NAME": "RegionOne",
    }
    settings = read(environment)
    access = access_of(settings)
    assert (access.auth_url, access.region) == ("http://keystone.test:5000/v3", "RegionOne")
    assert (access.credential_secret, access.interface) == ("hunter2", "public")
    assert "hunter2" not in repr(settings) + repr(access)
    configured(settings, FakeBreakers()).session.close()


def test_settings_without_openstack_say_what_is_missing() -> None:
    with pytest.raises(Invalid, match="OS_APPLICATION_CREDENTIAL_SECRET"):
        access_of(read({"OS_AUTH_URL": "http://keystone.test:5000/v3"}))
