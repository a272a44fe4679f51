"""Faults on demand."""

import httpx
import pytest

from tests.simulator.conftest import Cloud

SERVERS = "/compute/v2.1/servers"


@pytest.mark.parametrize("status", ["409", "413", "429", "500", "503"])
@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("nova", SERVERS),
        ("neutron", "/network/v2.0/ports"),
        ("cinder", "/volume/v3/volumes"),
        ("designate", "/dns/v2/zones"),
        ("barbican", "/key-manager/v1/secrets"),
        ("glance", "/image/v2/images"),
    ],
)
def test_a_status_is_answered_as_often_as_told(
    cloud: Cloud, service: str, path: str, status: str
) -> None:
    cloud.fault(what=status, service=service, times=2, retry_after=3)
    for _ in range(2):
        refused = cloud.call("GET", path)
        assert (refused.status_code, refused.headers["Retry-After"]) == (int(status), "3")
    assert cloud.call("GET", path).status_code == 200


def test_a_rule_hits_what_it_names_and_lets_the_first_pass(cloud: Cloud) -> None:
    cloud.fault(what="500", service="compute", method="post", path="/servers$", after=1)
    assert cloud.call("GET", SERVERS).status_code == 200
    cloud.server()
    assert cloud.call("POST", SERVERS, cloud.server_body()).status_code == 500
    cloud.server()


def test_an_answer_can_be_lost_although_the_thing_is_made(cloud: Cloud) -> None:
    cloud.fault(what="500", service="nova", method="POST", done=True)
    assert cloud.call("POST", SERVERS, cloud.server_body()).status_code == 500
    cloud.fault(what="timeout", service="nova", method="POST", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        cloud.call("POST", SERVERS, cloud.server_body())
    assert len(cloud.get(SERVERS)["servers"]) == 2


def test_a_call_that_hangs_makes_nothing(cloud: Cloud) -> None:
    cloud.fault(what="hang", service="nova", method="POST", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        cloud.call("POST", SERVERS, cloud.server_body())
    assert cloud.get(SERVERS)["servers"] == []


def test_a_server_is_slow_by_the_clock(cloud: Cloud) -> None:
    cloud.fault(what="slow", service="nova", method="POST", seconds=100)
    server = cloud.server()
    cloud.wait(99)
    assert cloud.state(server) == ("BUILD", "spawning")
    cloud.wait(5)
    assert cloud.state(server) == ("ACTIVE", None)


def test_a_server_fails_with_the_fault_that_was_asked_for(cloud: Cloud) -> None:
    cloud.fault(what="error", service="nova", method="POST", message="Disk is full")
    server = cloud.server()
    cloud.wait(2)
    shown = cloud.get(f"{SERVERS}/{server}")["server"]
    assert (shown["status"], shown["fault"]["message"]) == ("ERROR", "Disk is full")
    cloud.call("DELETE", f"{SERVERS}/{server}")
    cloud.wait(2)
    assert cloud.call("GET", f"{SERVERS}/{server}").status_code == 404


def test_a_volume_and_a_recordset_fail_and_the_recordset_heals(cloud: Cloud) -> None:
    cloud.fault(what="error", service="cinder", method="POST")
    assert cloud.volume_status(cloud.volume()) == "error"
    cloud.fault(what="error", service="designate", method="POST")
    where = f"{cloud.recordsets}/{cloud.recordset().json()['id']}"
    cloud.wait(7)
    assert cloud.get(where)["status"] == "ERROR"
    cloud.wait(12)
    assert cloud.get(where)["status"] == "ACTIVE"


def test_a_thing_vanishes_when_it_is_looked_at_or_as_soon_as_it_is_made(cloud: Cloud) -> None:
    server = cloud.running()
    cloud.fault(what="vanished", service="nova", method="GET", path=f"/servers/{server}$")
    assert cloud.call("GET", f"{SERVERS}/{server}").status_code == 404
    assert cloud.get(f"/network/v2.0/ports?device_id={server}")["ports"] == []
    cloud.fault(what="vanished", service="nova", method="POST")
    assert cloud.call("GET", f"{SERVERS}/{cloud.server()}").status_code == 404


def test_a_list_is_shortened_without_a_word(cloud: Cloud) -> None:
    for _ in range(4):
        cloud.server()
    cloud.fault(what="partial", service="nova", path="/servers")
    page = cloud.get(f"{SERVERS}?limit=3")
    assert (len(page["servers"]), list(page)) == (1, ["servers"])
    assert len(cloud.get(SERVERS)["servers"]) == 4


def test_a_token_expires_in_the_middle(cloud: Cloud) -> None:
    cloud.fault(what="expired", service="neutron")
    assert cloud.call("GET", "/network/v2.0/ports").status_code == 401
    assert cloud.call("GET", SERVERS).status_code == 401
    cloud.sign_in()
    assert cloud.call("GET", "/network/v2.0/ports").status_code == 200


@pytest.mark.parametrize(
    "rule",
    [
        {"what": "earthquake"},
        {"what": "500", "service": "heat"},
        {"what": "500", "path": "("},
        {"what": "500", "times": "3"},
        {"what": "500", "often": 3},
    ],
)
def test_a_rule_that_is_none_is_refused(cloud: Cloud, rule: dict[str, object]) -> None:
    assert cloud.call("POST", "/_simulator/faults", rule).status_code == 400
    assert cloud.get("/_simulator/faults")["faults"] == []


def test_what_exists_is_told_by_tag_and_forgotten_by_a_reset(cloud: Cloud) -> None:
    cloud.server(tags=["service=api"])
    cloud.server(metadata={"service": "api"})
    cloud.server()
    cloud.fault(what="500", service="nova", times=0)
    tagged = cloud.get("/_simulator/state?tag=service=api")
    assert {kind: len(things) for kind, things in tagged.items() if things} == {"servers": 2}
    assert len(cloud.get("/_simulator/state")["servers"]) == 3
    cloud.quotas(instances=0)
    assert cloud.call("POST", "/_simulator/reset").status_code == 204
    cloud.wait(5)
    assert cloud.get(SERVERS)["servers"] == []
    assert cloud.get("/_simulator") == cloud.known
    cloud.server()
