"""What the services' refusals mean here, in every shape that their bodies have."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from shared.adapters.openstack.errors import refusal, retry_after
from shared.adapters.openstack.services import (
    COMPUTE,
    DNS,
    IDENTITY,
    IMAGE,
    NETWORK,
    SECRETS,
    VOLUME,
    Service,
)
from shared.domain.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    NotFound,
    PlatformError,
    PreconditionFailed,
    QuotaExceeded,
    TooLarge,
    Transient,
)

REQUEST = "req-6f2d6f8e-1111-4222-8333-944445555666"
SECRET = "hunter2-user-data"


def nova(kind: str, code: int, message: str) -> Any:
    return {kind: {"code": code, "message": message}}


def neutron(kind: str) -> Any:
    return {"NeutronError": {"type": kind, "message": f"{SECRET} …", "detail": ""}}


def designate(code: int, kind: str) -> Any:
    return {"code": code, "type": kind, "message": SECRET, "request_id": REQUEST}


CASES: list[tuple[Service, int, Any, type[PlatformError]]] = [
    (IDENTITY, 403, {"error": {"code": 403, "message": SECRET, "title": "Forbidden"}}, Forbidden),
    (IDENTITY, 409, {"error": {"code": 409, "message": SECRET, "title": "Conflict"}}, Conflict),
    (COMPUTE, 400, nova("badRequest", 400, f"Invalid input {SECRET}"), Invalid),
    (COMPUTE, 403, nova("forbidden", 403, "Policy doesn't allow it"), Forbidden),
    (
        COMPUTE,
        403,
        nova(
            "forbidden", 403, "Quota exceeded for instances: Requested 1, but already used 2 of 2"
        ),
        QuotaExceeded,
    ),
    (
        COMPUTE,
        403,
        nova("forbidden", 403, "The number of defined ports: 1 is over the limit: 0"),
        QuotaExceeded,
    ),
    (COMPUTE, 404, nova("itemNotFound", 404, f"Instance {SECRET}"), NotFound),
    (COMPUTE, 406, nova("computeFault", 406, "Version 2.999 is not supported"), Invalid),
    (COMPUTE, 409, nova("conflictingRequest", 409, "Cannot 'os-stop' while building"), Conflict),
    (COMPUTE, 409, nova("conflictingRequest", 409, "Port 7 is still in use."), InUse),
    (COMPUTE, 400, nova("badRequest", 400, "Invalid volume: volume 7 is attached"), InUse),
    (VOLUME, 400, nova("badRequest", 400, "Invalid volume: Volume status must be …"), InUse),
    (
        VOLUME,
        413,
        nova(
            "overLimit", 413, "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded"
        ),
        QuotaExceeded,
    ),
    (
        VOLUME,
        413,
        nova("overLimit", 413, "Requested volume or snapshot exceeds allowed gigabytes quota."),
        QuotaExceeded,
    ),
    (VOLUME, 404, nova("itemNotFound", 404, "Volume 7 could not be found."), NotFound),
    (NETWORK, 409, neutron("OverQuota"), QuotaExceeded),
    (NETWORK, 409, neutron("SecurityGroupInUse"), InUse),
    (NETWORK, 409, neutron("NetworkInUse"), InUse),
    (NETWORK, 409, neutron("SecurityGroupRuleExists"), Conflict),
    (NETWORK, 409, neutron("FloatingIPPortAlreadyAssociated"), Conflict),
    (NETWORK, 409, neutron("IpAddressGenerationFailure"), QuotaExceeded),
    (NETWORK, 404, neutron("ExternalGatewayForFloatingIPNotFound"), Invalid),
    (NETWORK, 404, neutron("PortNotFound"), NotFound),
    (NETWORK, 403, neutron("PolicyNotAuthorized"), Forbidden),
    (NETWORK, 412, neutron("RevisionNumberConstraintFailed"), PreconditionFailed),
    (DNS, 413, designate(413, "over_quota"), QuotaExceeded),
    (DNS, 409, designate(409, "duplicate_recordset"), Conflict),
    (DNS, 404, designate(404, "recordset_not_found"), NotFound),
    (DNS, 400, {"code": 400, "type": "invalid_object", "errors": {"errors": []}}, Invalid),
    (SECRETS, 404, {"code": 404, "title": "Not Found", "description": SECRET}, NotFound),
    (SECRETS, 413, {"code": 413, "title": "Too Large", "description": SECRET}, TooLarge),
    (
        SECRETS,
        403,
        {"code": 403, "title": "Forbidden", "description": "Quota reached"},
        QuotaExceeded,
    ),
    (IMAGE, 404, {"message": f"{SECRET}<br />", "code": "404 Not Found", "title": "x"}, NotFound),
    (COMPUTE, 404, {"errors": [{"status": 404, "title": "Not Found", "detail": SECRET}]}, NotFound),
    (COMPUTE, 500, nova("computeFault", 500, SECRET), Transient),
    (NETWORK, 503, None, Transient),
    (NETWORK, 429, None, Transient),
]


@pytest.mark.parametrize(("service", "status", "body", "kind"), CASES)
def test_a_refusal_has_its_kind_its_request_and_a_next_step_and_repeats_nothing_of_users(
    service: Service, status: int, body: Any, kind: type[PlatformError]
) -> None:
    response = httpx.Response(status, json=body, headers={"x-openstack-request-id": REQUEST})
    found = refusal(service, "thing 7", response)
    assert type(found) is kind
    assert found.reason.startswith(f"thing 7: {service.title} ")
    assert REQUEST in found.reason
    assert SECRET not in found.reason
    said, _, next_step = found.reason.rstrip(".").rpartition(". ")
    assert said
    assert next_step


@pytest.mark.parametrize("content", [b"<html>404</html>", b"default backend - 404", b"", b"[]"])
def test_a_404_that_no_service_wrote_is_no_deletion(content: bytes) -> None:
    response = httpx.Response(404, content=content)
    assert type(refusal(COMPUTE, "server 7", response)) is Transient


def test_a_quota_says_its_numbers() -> None:
    message = "Quota exceeded for cores, ram: Requested 4, 8192, but already used 18, 9 of 20, 10 …"
    response = httpx.Response(403, json=nova("forbidden", 403, message))
    said = refusal(COMPUTE, "server 7", response).reason
    assert "cores, ram: 18, 9 of 20, 10, 4, 8192 more" in said


def test_cinders_quota_is_not_retried_at_once() -> None:
    body = {"overLimit": {"code": 413, "message": "exceeded for quota 'x'", "retryAfter": "0"}}
    response = httpx.Response(413, json=body, headers={"Retry-After": "0"})
    found = refusal(VOLUME, "volume 7", response)
    assert (type(found), found.retry_after) == (QuotaExceeded, None)


def test_a_413_with_a_time_is_a_limit_on_the_rate() -> None:
    body = {"overLimit": {"code": 413, "message": "slow down"}}
    response = httpx.Response(413, json=body, headers={"Retry-After": "7"})
    found = refusal(VOLUME, "volume 7", response)
    assert (type(found), found.retry_after) == (Transient, 7)


@pytest.mark.parametrize("mark", ["req-" + "x" * 300, "req-1 <script>", "hunter2"])
def test_a_request_id_that_is_none_is_not_repeated(mark: str) -> None:
    response = httpx.Response(500, headers={"x-openstack-request-id": mark})
    assert mark not in refusal(COMPUTE, "server 7", response).reason


def test_retry_after_is_a_number_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)
    assert 80 <= (retry_after({"retry-after": soon}) or 0) <= 91
    given = ("12", "0", "", "soon", past, "999999")
    assert [retry_after({"retry-after": one}) for one in given] == [
        12,
        None,
        None,
        None,
        None,
        3600,
    ]
