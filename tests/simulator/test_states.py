"""What one sees on the way, with the times of a real cloud."""

from typing import Any

from infra.simulator.world import Options
from tests.simulator.conftest import Cloud


def seen(cloud: Cloud, probe: Any, *, seconds: float = 4, every: float = 0.1) -> list[Any]:
    """Each state that is met, once."""
    states: list[Any] = []
    for _ in range(int(seconds / every)):
        state = probe()
        if not states or states[-1] != state:
            states.append(state)
        cloud.wait(every)
    return states


def server_state(cloud: Cloud, server_id: str) -> Any:
    response = cloud.call("GET", f"/compute/v2.1/servers/{server_id}")
    if response.status_code == 404:
        return "gone"
    server = response.json()["server"]
    return server["status"], server["OS-EXT-STS:task_state"]


def test_a_server_is_built_by_its_tasks(cloud: Cloud) -> None:
    server = cloud.server()
    assert seen(cloud, lambda: server_state(cloud, server)) == [
        ("BUILD", "scheduling"),
        ("BUILD", None),
        ("BUILD", "networking"),
        ("BUILD", "spawning"),
        ("ACTIVE", None),
    ]


def test_the_pace_scales_what_takes_time() -> None:
    cloud = Cloud(Options(pace=0.1, seed=1))
    server = cloud.server()
    cloud.wait(0.25)
    assert cloud.state(server) == ("ACTIVE", None)


def test_a_deleted_server_stays_readable_for_a_while(cloud: Cloud) -> None:
    server = cloud.running()
    where = f"/compute/v2.1/servers/{server}"
    assert cloud.call("DELETE", where).status_code == 204
    assert cloud.call("DELETE", where).status_code == 204
    states = seen(cloud, lambda: server_state(cloud, server))
    assert states == [("ACTIVE", "deleting"), ("DELETED", None), "gone"]
    assert cloud.call("DELETE", where).status_code == 404


def test_a_server_deleted_while_it_is_built_says_that_it_is_active(cloud: Cloud) -> None:
    server = cloud.server()
    cloud.wait(1)
    cloud.call("DELETE", f"/compute/v2.1/servers/{server}")
    states = seen(cloud, lambda: server_state(cloud, server))
    assert states == [("BUILD", "deleting"), ("ACTIVE", None), ("DELETED", None), "gone"]


def test_a_port_goes_with_the_server_that_it_was_made_for(cloud: Cloud) -> None:
    server = cloud.running()
    own = cloud.port_of(server)["id"]
    wanted = {"port": {"network_id": cloud.known["network_id"], "name": "slot"}}
    ours = cloud.call("POST", "/network/v2.0/ports", wanted).json()["port"]["id"]
    other = cloud.server(networks=[{"port": ours}])
    cloud.wait(5)
    assert cloud.port_of(other)["status"] == "ACTIVE"
    for gone in (server, other):
        cloud.call("DELETE", f"/compute/v2.1/servers/{gone}")
    cloud.wait(5)
    assert cloud.call("GET", f"/network/v2.0/ports/{own}").status_code == 404
    kept = cloud.get(f"/network/v2.0/ports/{ours}")["port"]
    assert (kept["status"], kept["device_id"]) == ("DOWN", "")


def test_a_floating_ip_is_active_later_and_nova_shows_it_later_still(cloud: Cloud) -> None:
    server = cloud.running()
    port = cloud.port_of(server)["id"]
    body = {"floatingip": {"floating_network_id": cloud.known["external_network_id"]}}
    made = cloud.call("POST", "/network/v2.0/floatingips", body).json()["floatingip"]
    where = f"/network/v2.0/floatingips/{made['id']}"
    answer = cloud.call("PUT", where, {"floatingip": {"port_id": port}}).json()["floatingip"]
    assert (answer["status"], answer["port_id"]) == ("DOWN", port)

    def shown() -> Any:
        addresses = cloud.get(f"/compute/v2.1/servers/{server}")["server"]["addresses"]["private"]
        return cloud.get(where)["floatingip"]["status"], len(addresses)

    assert seen(cloud, shown) == [("DOWN", 1), ("ACTIVE", 1), ("ACTIVE", 2)]
    cloud.call("DELETE", f"/compute/v2.1/servers/{server}")
    cloud.wait(5)
    left = cloud.get(where)["floatingip"]
    assert (left["status"], left["port_id"]) == ("DOWN", None)


def test_a_volume_is_attached_after_the_answer_and_detached_after_it(cloud: Cloud) -> None:
    server, volume = cloud.running(), cloud.volume()
    where = f"/compute/v2.1/servers/{server}/os-volume_attachments"
    body = {"volumeAttachment": {"volumeId": volume}}
    assert cloud.call("POST", where, body).status_code == 200
    states = seen(cloud, lambda: cloud.volume_status(volume), seconds=1)
    assert states == ["reserved", "attaching", "in-use"]
    assert cloud.call("DELETE", f"{where}/{volume}").status_code == 202
    assert cloud.call("DELETE", f"{where}/{volume}").status_code == 400
    cloud.wait(0.7)
    assert cloud.volume_status(volume) == "available"
    assert len(cloud.get(where)["volumeAttachments"]) == 1
    cloud.wait(0.2)
    assert cloud.get(where)["volumeAttachments"] == []
    assert cloud.call("DELETE", f"{where}/{volume}").status_code == 404


def test_a_servers_volumes_are_free_before_it_is_gone(cloud: Cloud) -> None:
    server, kept, lost = cloud.running(), cloud.volume(), cloud.volume()
    where = f"/compute/v2.1/servers/{server}/os-volume_attachments"
    for volume, goes in ((kept, False), (lost, True)):
        wanted = {"volumeId": volume, "delete_on_termination": goes}
        cloud.call("POST", where, {"volumeAttachment": wanted})
    cloud.wait(1)
    cloud.call("DELETE", f"/compute/v2.1/servers/{server}")
    cloud.wait(0.5)
    assert server_state(cloud, server) == ("ACTIVE", "deleting")
    assert cloud.volume_status(kept) == "available"
    assert cloud.call("GET", f"{cloud.volumes}/{lost}").status_code == 404


def test_a_recordset_is_pending_and_forgotten_at_once(cloud: Cloud) -> None:
    made = cloud.recordset().json()
    where = f"{cloud.recordsets}/{made['id']}"
    assert (made["status"], made["action"]) == ("PENDING", "CREATE")
    cloud.wait(2)
    assert (cloud.get(where)["status"], cloud.get(where)["action"]) == ("ACTIVE", "NONE")
    changed = cloud.call("PUT", where, {"records": ["203.0.113.8", "203.0.113.8"]}).json()
    assert (changed["status"], changed["records"]) == ("PENDING", ["203.0.113.8"])
    zone = f"/dns/v2/zones/{cloud.known['zone_id']}"
    assert cloud.get(zone)["action"] == "UPDATE"
    assert cloud.call("DELETE", where).status_code == 202
    assert cloud.call("GET", where).status_code == 404
    cloud.wait(2)
    assert cloud.get(zone)["status"] == "ACTIVE"


def test_ids_from_a_seed_are_the_same_in_every_run() -> None:
    first, second = Cloud(), Cloud()
    assert first.known == second.known
    assert first.server() == second.server()
    assert Cloud(Options()).known != Cloud(Options()).known
