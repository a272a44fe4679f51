"""What the services refuse, as the platform's errors: the one place where that is decided.

Their sentences can echo what users sent, whole user data among it, so none is passed on: ours say
which thing it was about, what is the matter, what to do next, and the request's id for the logs.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Final

import httpx

from shared.adapters.openstack.faults import Fault, fault_of
from shared.adapters.openstack.services import Service
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

_MOST_SECONDS: Final = 3600
_REQUEST_IDS: Final = ("x-openstack-request-id", "x-compute-request-id", "openstack-request-id")
_REQUEST_ID: Final = re.compile(r"^req-[0-9A-Za-z-]{1,64}$")
_WORD: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,63}$")
_QUOTA_KINDS: Final = {"OverQuota", "over_quota"}
_QUOTA_TEXT: Final = re.compile(
    r"quota exceeded|quota reached|is over the limit|exceeds? allowed \w+ quota"
    r"|exceeded for quota|maximum number of \w+ allowed",
    re.IGNORECASE,
)
_NOVA_QUOTA: Final = re.compile(
    r"Quota exceeded for ([a-z_, ]{1,60}): Requested ([\d, ]{1,40}), "
    r"but already used ([\d, ]{1,40}) of ([\d, ]{1,40}) "
)
# Cinder says so with 400: one sentence for attached, reserved, deleting and having snapshots.
_HELD_TEXT: Final = ("invalid volume", "invalid snapshot", "is still in use", "is in use")
_NO_ADDRESS: Final = {"IpAddressGenerationFailure", "NoMoreFixedIps"}
_NO_ROUTE: Final = "ExternalGatewayForFloatingIPNotFound"


def refusal(service: Service, what: str, response: httpx.Response) -> PlatformError:
    """The error for an answer that refuses. `what` is our name for what it was about."""
    fault = fault_of(response)
    status = response.status_code
    wait = retry_after(response.headers)
    told = _Told(service, what, response, fault)
    if status == 429 or status >= 500 or not (fault.known or status in _PLAIN):
        return Transient(told.sentence(f"answers {status}", "It is tried again"), retry_after=wait)
    if status in {403, 409, 413} and _is_quota(fault):
        return QuotaExceeded(told.sentence(_used_up(fault), "Free some or have the quota raised"))
    if status == 413 and wait:
        return Transient(
            told.sentence("asks us to slow down", "It is tried again"), retry_after=wait
        )
    if status in {400, 409} and _is_held(fault):
        return InUse(
            told.sentence("says something still uses it", "Detach or remove what does, then repeat")
        )
    return _by_status(told, status, fault)


def unreachable(service: Service, what: str, error: Exception) -> Transient:
    """The error where no answer came: a timeout, a broken line, a certificate."""
    if "CERTIFICATE" in str(error).upper():
        return Transient(
            f"{what}: {service.title}'s certificate is not trusted: set OS_CACERT to its CA file"
        )
    return Transient(
        f"{what}: {service.title} did not answer in time ({type(error).__name__}). "
        "It is tried again; if it lasts, ask the cloud's operator"
    )


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds to wait, from a number or a date; None for none. 0 is what Cinder's quota says."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return min(int(value), _MOST_SECONDS) or None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    left = ceil((moment - datetime.now(UTC)).total_seconds())
    return min(left, _MOST_SECONDS) if left > 0 else None


def request_id(response: httpx.Response) -> str | None:
    """What the cloud's operator finds the request by."""
    for name in _REQUEST_IDS:
        found = response.headers.get(name, "")
        if _REQUEST_ID.match(found):
            return str(found)
    return None


class _Told:
    """What every sentence has."""

    def __init__(self, service: Service, what: str, response: httpx.Response, fault: Fault) -> None:
        self._service, self._what = service, what
        self._marks = [mark for mark in (_word(fault), request_id(response)) if mark]

    def sentence(self, says: str, next_step: str) -> str:
        marks = f" ({', '.join(self._marks)})" if self._marks else ""
        return f"{self._what}: {self._service.title} {says}{marks}. {next_step}."


_Row = tuple[type[PlatformError], str, str]
_ROWS: Final[Mapping[int, _Row]] = {
    400: (Invalid, "does not accept the request", "Correct the names, sizes and ids it uses"),
    401: (
        Forbidden,
        "refuses a token that is new",
        "See that the application credential is there and not expired",
    ),
    403: (
        Forbidden,
        "does not let our application credential do that",
        "Give its project the role that the operation needs",
    ),
    404: (NotFound, "does not have it (any more)", "Make it again, or go on without it"),
    405: (Invalid, "does not know this operation", "It is older than what we need: update it"),
    406: (Invalid, "does not speak our version", "It is older than what we need: update it"),
    409: (
        Conflict,
        "says that its present state does not allow it",
        "Look at the state it is in, wait until it has settled, then repeat",
    ),
    412: (PreconditionFailed, "says that it has changed meanwhile", "Read it again and repeat"),
    413: (TooLarge, "finds the request too large", "Send less"),
}
_PLAIN: Final = {401, 403, 413}
"""What means the same when it comes without a service's body: proxies send these too. A bare 404
does not: a wrong address or an empty load balancer must not look like a deletion."""


def _by_status(told: _Told, status: int, fault: Fault) -> PlatformError:
    if fault.kind == _NO_ROUTE:
        return Invalid(
            told.sentence("sees no way to the external network", "Give its network a router")
        )
    if fault.kind in _NO_ADDRESS:
        return QuotaExceeded(
            told.sentence("has no free address in the subnet", "Free some or use a larger subnet")
        )
    kind, says, next_step = _ROWS.get(status, (Invalid, f"answers {status}", "See its log"))
    return kind(told.sentence(says, next_step))


def _is_quota(fault: Fault) -> bool:
    return fault.kind in _QUOTA_KINDS or bool(_QUOTA_TEXT.search(fault.text))


def _is_held(fault: Fault) -> bool:
    if fault.kind.endswith("InUse"):
        return True
    return any(needle in fault.text.lower()[:400] for needle in _HELD_TEXT)


def _used_up(fault: Fault) -> str:
    """Nova says numbers; they are taken out of its sentence, not passed on with it."""
    found = _NOVA_QUOTA.search(fault.text + " ")
    if found is None:
        return "says that the project's quota is used up"
    names, wanted, used, most = (part.strip() for part in found.groups())
    return f"says that the project's quota is used up: {names}: {used} of {most}, {wanted} more"


def _word(fault: Fault) -> str | None:
    """The service's own word, where it is one: no sentence gets through."""
    return fault.kind if _WORD.match(fault.kind) else None
