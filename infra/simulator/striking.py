"""What a fault does to the call that it hits."""

from typing import Any, Final

from infra.simulator.calls import Answer, Call, RefusedError
from infra.simulator.faults import Rule, What
from infra.simulator.shapes import PROXY_PAGE, reason, refusal
from infra.simulator.vanishing import known, vanish
from infra.simulator.world import Lag, World

_MESSAGES: Final = {
    ("cinder", 413): "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for "
    "quota 'volumes'.",
    ("designate", 413): "Quota exceeded for zone_recordsets.",
    ("barbican", 413): "Provided information too large to process",
    ("nova", 500): "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ "
    "and attach the Nova API log if possible.\n<class 'oslo_messaging.MessagingTimeout'>",
    ("neutron", 500): "Request Failed: internal server error while processing your request.",
    ("cinder", 500): "The server has either erred or is incapable of performing the requested "
    "operation.",
    ("neutron", 409): "The resource is in use.",
}
_KINDS: Final = {
    ("neutron", 409): "InUse",
    ("neutron", 413): "HTTPRequestEntityTooLarge",
    ("neutron", 429): "HTTPTooManyRequests",
    ("neutron", 500): "HTTPInternalServerError",
    ("neutron", 503): "HTTPServiceUnavailable",
    ("designate", 413): "over_quota",
    ("designate", 409): "duplicate_recordset",
    ("designate", 500): "unknown",
}


def answered(service: str, call: Call, rule: Rule) -> Answer:
    """The answer of a rule that answers a status."""
    status = rule.status or 500
    wait = rule.retry_after
    if wait is None and (service, status) == ("cinder", 413):
        wait = 0
    headers = {} if wait is None else {"Retry-After": str(wait)}
    if status == 503 and not rule.type and not rule.message:
        html = PROXY_PAGE.format(status=status, reason=reason(status))
        return Answer(status, html, headers | {"Content-Type": "text/html"})
    message = rule.message or _MESSAGES.get((service, status), f"{reason(status)}.")
    kind = rule.type or _KINDS.get((service, status), "")
    return refusal(service, RefusedError(status, message, kind, headers=headers), call)


def before(world: World, call: Call, rule: Rule) -> None:
    """What happens before the service sees the call."""
    match rule.what:
        case What.SLOW:
            world.lag = Lag(seconds=rule.seconds)
        case What.ERROR:
            world.lag = Lag(error=rule.message or "No valid host was found. ")
        case What.EXPIRED:
            world.tokens.pop(call.headers.get("x-auth-token", ""), None)
        case What.VANISHED:
            named = [part for part in call.path.split("/") if known(world, part)]
            if named:
                vanish(world, named[-1])


def afterwards(world: World, rule: Rule, call: Call, answer: Answer) -> None:
    """What happens after the service has done it."""
    if not isinstance(answer.body, dict) or answer.status >= 300:
        return
    if rule.what is What.VANISHED and call.method == "POST":
        for value in (answer.body, *answer.body.values()):
            if isinstance(value, dict) and known(world, str(value.get("id"))):
                vanish(world, str(value["id"]))
        _forget_secret(world, answer.body)
    if rule.what is What.PARTIAL and call.method == "GET":
        answer.body = _shortened(answer.body)


def _forget_secret(world: World, body: dict[str, Any]) -> None:
    if "secret_ref" in body:
        world.secrets.pop(str(body["secret_ref"]).rpartition("/")[2], None)


def _shortened(body: dict[str, Any]) -> dict[str, Any]:
    """The first half of a list, as if that were all."""
    kept = {key: value for key, value in body.items() if not _leads_on(key)}
    return {
        key: value[: len(value) // 2] if isinstance(value, list) else value
        for key, value in kept.items()
    }


def _leads_on(key: str) -> bool:
    return key in ("next", "links") or key.endswith("_links")
