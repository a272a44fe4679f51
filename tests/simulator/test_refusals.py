"""What each service says no with, in its own words and shape."""

from typing import Any
from uuid import uuid4

import pytest

from tests.simulator.conftest import Cloud

NOBODY = str(uuid4())
ROOTS = {
    "/compute/v2.1/limits": "application/json",
    "/network/v2.0/ports": "application/json",
    "/dns/v2/zones": "application/json",
    "/key-manager/v1/secrets": "application/json",
    "/image/v2/images": "application/json",
}


def test_a_credential_that_is_wrong_is_401_and_one_that_is_gone_404(cloud: Cloud) -> None:
    assert cloud.authentication(secret="x" * 86).status_code == 401
    assert cloud.authentication(id="f" * 32).status_code == 404
    secret = cloud.known["application_credential_secret"]
    assert cloud.authentication(secret=secret[:72] + "x" * 14).status_code == 201


@pytest.mark.parametrize("path", ROOTS)
def test_a_token_that_has_expired_is_401_everywhere(cloud: Cloud, path: str) -> None:
    assert cloud.call("GET", path).status_code == 200
    cloud.wait(3601)
    refused = cloud.call("GET", path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Keystone uri=")
    cloud.sign_in()
    assert cloud.call("GET", path).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            f"/compute/v2.1/servers/{NOBODY}",
            {"itemNotFound": {"code": 404, "message": f"Instance {NOBODY} could not be found."}},
        ),
        (
            f"/network/v2.0/ports/{NOBODY}",
            {
                "NeutronError": {
                    "type": "PortNotFound",
                    "message": f"Port {NOBODY} could not be found.",
                    "detail": "",
                }
            },
        ),
        (
            f"/key-manager/v1/secrets/{NOBODY}",
            {"code": 404, "title": "Not Found", "description": "Secret not found."},
        ),
        (
            f"/image/v2/images/{NOBODY}",
            {
                "message": f"No image found with ID {NOBODY}<br /><br />\n\n\n",
                "code": "404 Not Found",
                "title": "Not Found",
            },
        ),
    ],
)
def test_what_is_not_there_is_told_in_the_services_shape(
    cloud: Cloud, path: str, body: dict[str, Any]
) -> None:
    refused = cloud.call("GET", path)
    assert (refused.status_code, refused.json()) == (404, body)
    assert refused.headers["x-openstack-request-id"].startswith("req-")


def test_designate_names_the_request_and_calls_a_bad_id_a_bad_request(cloud: Cloud) -> None:
    refused = cloud.call("GET", f"{cloud.recordsets}/{NOBODY}")
    request_id = refused.headers["x-openstack-request-id"]
    assert refused.json() == {
        "code": 404,
        "type": "recordset_not_found",
        "message": "Could not find RecordSet",
        "request_id": request_id,
    }
    assert cloud.call("GET", f"{cloud.recordsets}/no-uuid").status_code == 400


def test_glance_speaks_html_unless_asked_for_json(cloud: Cloud) -> None:
    refused = cloud.call("GET", f"/image/v2/images/{NOBODY}", headers={"Accept": "*/*"})
    assert refused.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("changed", "status", "message"),
    [
        ({"imageRef": NOBODY}, 400, "Can not find requested image"),
        ({"flavorRef": "huge"}, 400, "Flavor huge could not be found."),
        ({"networks": [{"uuid": NOBODY}]}, 400, f"Network {NOBODY} could not be found."),
        ({"networks": [{"port": NOBODY}]}, 400, f"Port id {NOBODY} could not be found."),
        ({"user_data": "a" * 65536}, 400, "user_data"),
        ({"metadata": {"n": 1}}, 400, "is not of type 'string'"),
    ],
)
def test_a_server_that_cannot_be_is_refused_at_once(
    cloud: Cloud, changed: dict[str, Any], status: int, message: str
) -> None:
    refused = cloud.call("POST", "/compute/v2.1/servers", cloud.server_body(**changed))
    assert refused.status_code == status
    assert message in refused.json()["badRequest"]["message"]
    assert cloud.get("/compute/v2.1/servers")["servers"] == []


def test_user_data_that_is_no_base64_is_accepted(cloud: Cloud) -> None:
    cloud.server(user_data="%%%")


def test_versions_decide_what_is_asked_and_shown(cloud: Cloud) -> None:
    path, old = "/compute/v2.1/servers", {"OpenStack-API-Version": "compute 2.1"}
    body = cloud.server_body()
    del body["server"]["networks"]
    assert cloud.call("POST", path, body).status_code == 400
    assert cloud.call("POST", path, body, old).status_code == 202
    assert cloud.call("GET", f"{path}?nonsense=1").status_code == 400
    assert cloud.call("GET", f"{path}?nonsense=1", headers=old).status_code == 200
    shown = cloud.call("GET", f"{path}/detail", headers=old).json()["servers"][0]
    assert "id" in shown["flavor"]
    assert "tags" not in shown
    newest = {"OpenStack-API-Version": "compute 2.999"}
    refused = cloud.call("GET", path, headers=newest)
    assert (refused.status_code, list(refused.json())) == (406, ["computeFault"])


def test_a_volume_in_the_wrong_state_is_a_bad_request(cloud: Cloud) -> None:
    server, volume = cloud.running(), cloud.volume()
    attached = {"volumeAttachment": {"volumeId": volume}}
    where = f"/compute/v2.1/servers/{server}/os-volume_attachments"
    cloud.call("POST", where, attached)
    again = cloud.call("POST", where, attached)
    deleted = cloud.call("DELETE", f"{cloud.volumes}/{volume}")
    for refused in (again, deleted):
        assert refused.status_code == 400
        assert refused.json()["badRequest"]["message"].startswith("Invalid volume: ")


def test_every_quota_has_a_status_of_its_own(cloud: Cloud) -> None:
    cloud.quotas(instances=0, volumes=0, port=1, zone_recordsets=0)
    server = cloud.call("POST", "/compute/v2.1/servers", cloud.server_body())
    assert server.status_code == 403
    message = "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances"
    assert server.json()["forbidden"]["message"] == message
    volume = cloud.call("POST", cloud.volumes, {"volume": {"size": 1}})
    assert (volume.status_code, volume.headers["Retry-After"]) == (413, "0")
    assert volume.json()["overLimit"]["retryAfter"] == "0"
    wanted = {"port": {"network_id": cloud.known["network_id"]}}
    port = cloud.call("POST", "/network/v2.0/ports", wanted)
    assert (port.status_code, port.json()["NeutronError"]["type"]) == (409, "OverQuota")
    recordset = cloud.recordset()
    assert (recordset.status_code, recordset.json()["type"]) == (413, "over_quota")
    assert "Retry-After" not in recordset.headers


def test_a_server_beyond_the_hosts_is_accepted_and_fails_and_holds_its_quota(cloud: Cloud) -> None:
    cloud.quotas(capacity_vcpus=0, instances=1)
    server = cloud.server()
    cloud.wait(2)
    shown = cloud.get(f"/compute/v2.1/servers/{server}")["server"]
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"] == "No valid host was found. "
    again = cloud.call("POST", "/compute/v2.1/servers", cloud.server_body())
    assert again.status_code == 403


def test_a_group_is_in_use_until_the_port_is_gone(cloud: Cloud) -> None:
    made = cloud.call("POST", "/network/v2.0/security-groups", {"security_group": {"name": "web"}})
    group = made.json()["security_group"]
    assert [rule["direction"] for rule in group["security_group_rules"]] == ["egress", "egress"]
    server = cloud.server(security_groups=[{"name": "web"}])
    cloud.wait(5)
    cloud.call("DELETE", f"/compute/v2.1/servers/{server}")
    where = f"/network/v2.0/security-groups/{group['id']}"
    refused = cloud.call("DELETE", where)
    assert refused.status_code == 409
    assert refused.json()["NeutronError"]["type"] == "SecurityGroupInUse"
    cloud.wait(1)
    assert cloud.call("GET", f"/compute/v2.1/servers/{server}").status_code == 200
    assert cloud.call("DELETE", where).status_code == 204


def test_a_rule_that_is_there_already_is_a_conflict_also_written_with_host_bits(
    cloud: Cloud,
) -> None:
    made = cloud.call("POST", "/network/v2.0/security-groups", {"security_group": {"name": "web"}})
    rule = {
        "security_group_id": made.json()["security_group"]["id"],
        "direction": "ingress",
        "protocol": "tcp",
        "port_range_min": 22,
        "port_range_max": 22,
        "remote_ip_prefix": "10.0.0.0/8",
    }
    path = "/network/v2.0/security-group-rules"
    assert cloud.call("POST", path, {"security_group_rule": rule}).status_code == 201
    again = rule | {"remote_ip_prefix": "10.1.2.3/8"}
    refused = cloud.call("POST", path, {"security_group_rule": again})
    assert refused.json()["NeutronError"]["type"] == "SecurityGroupRuleExists"


def test_a_recordset_that_is_there_already_is_a_conflict(cloud: Cloud) -> None:
    cloud.recordset()
    refused = cloud.recordset()
    assert (refused.status_code, refused.json()["type"]) == (409, "duplicate_recordset")


def test_a_secret_is_written_once_and_read_as_text(cloud: Cloud) -> None:
    path = "/key-manager/v1/secrets"
    body = {"name": "a", "payload": "s3", "payload_content_type": "text/plain"}
    where = cloud.call("POST", path, body).json()["secret_ref"].partition("cloud.test")[2]
    text = cloud.call("GET", f"{where}/payload", headers={"Accept": "text/plain"})
    assert text.text == "s3"
    assert cloud.call("GET", f"{where}/payload").status_code == 406
    again = cloud.call("PUT", where, headers={"Content-Type": "text/plain"})
    assert again.status_code == 409
    assert "payload" not in cloud.get(where)
