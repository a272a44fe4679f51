"""Pages and filters, each service in its own way."""

from typing import Any

import pytest

from infra.simulator.world import Options
from tests.simulator.conftest import Cloud


def whole(cloud: Cloud, path: str, key: str) -> tuple[list[Any], int]:
    """All items by the links, and how many pages that took."""
    found: list[Any] = []
    pages, following = 0, path
    while following:
        page = cloud.get(following)
        found += page[key]
        pages += 1
        links = page.get(f"{key}_links") or []
        next_link = next((link["href"] for link in links if link["rel"] == "next"), None)
        next_link = next_link or page.get("next") or (page.get("links") or {}).get("next")
        prefix = "/image" if next_link and next_link.startswith("/v2/images") else ""
        following = prefix + next_link if next_link else ""
    return found, pages


@pytest.fixture
def full(cloud: Cloud) -> Cloud:
    for number in range(25):
        cloud.server()
        cloud.volume()
        cloud.recordset(f"name-{number}")
        body = {"port": {"network_id": cloud.known["network_id"]}}
        cloud.call("POST", "/network/v2.0/ports", body)
        secret = {"name": "a", "payload": "b", "payload_content_type": "text/plain"}
        cloud.call("POST", "/key-manager/v1/secrets", secret)
        cloud.call("POST", "/image/v2/images", {"name": "snapshot"})
    return cloud


def test_every_list_is_read_to_its_end(full: Cloud) -> None:
    servers, pages = whole(full, "/compute/v2.1/servers?limit=10", "servers")
    assert (len({s["id"] for s in servers}), pages) == (25, 3)
    volumes, pages = whole(full, f"{full.volumes}?limit=10", "volumes")
    assert (len({v["id"] for v in volumes}), pages) == (25, 3)
    ports, _ = whole(full, "/network/v2.0/ports?limit=10", "ports")
    assert len({p["id"] for p in ports}) == 51
    recordsets, pages = whole(full, full.recordsets, "recordsets")
    assert (len({r["id"] for r in recordsets}), pages) == (27, 2)
    secrets, pages = whole(full, "/key-manager/v1/secrets", "secrets")
    assert (len({s["secret_ref"] for s in secrets}), pages) == (25, 3)
    images, pages = whole(full, "/image/v2/images", "images")
    assert (len({i["id"] for i in images}), pages) == (26, 2)


def test_a_limit_above_the_largest_page_is_cut() -> None:
    cloud = Cloud(Options(page_limit=2, seed=1))
    for _ in range(5):
        cloud.server()
    assert len(cloud.get("/compute/v2.1/servers?limit=100")["servers"]) == 2
    assert len(whole(cloud, "/compute/v2.1/servers", "servers")[0]) == 5


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/compute/v2.1/servers?marker=none", 400),
        ("/network/v2.0/ports?marker=none", 404),
        ("/volume/v3/volumes?marker=none", 404),
        ("/dns/v2/zones?marker=none", 400),
        ("/dns/v2/zones?limit=0", 400),
        ("/image/v2/images?marker=none", 400),
    ],
)
def test_a_marker_that_is_none_is_refused(cloud: Cloud, path: str, status: int) -> None:
    assert cloud.call("GET", path).status_code == status


def test_neutron_ignores_a_filter_that_it_does_not_know_and_the_others_do_not(
    cloud: Cloud,
) -> None:
    assert len(cloud.get("/network/v2.0/ports?nonsense=1")["ports"]) == 1
    for path in ("/volume/v3/volumes", "/dns/v2/zones", "/compute/v2.1/servers"):
        assert cloud.call("GET", f"{path}?nonsense=1").status_code == 400
    assert cloud.get("/image/v2/images?nonsense=1")["images"] == []


def test_servers_are_found_by_tag_and_by_a_pattern_of_their_name(cloud: Cloud) -> None:
    first = cloud.server(name="api-1", tags=["c2d", "instance=1"])
    cloud.server(name="web-1", tags=["c2d"])
    path = "/compute/v2.1/servers"

    def found(query: str) -> list[str]:
        return [server["id"] for server in cloud.get(f"{path}?{query}")["servers"]]

    assert found("tags=c2d,instance=1") == [first]
    assert len(found("tags=c2d")) == 2
    assert found("name=^ap") == [first]
    assert len(found("name=-")) == 2
