"""Faults on demand: rules that calls are matched against."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from infra.simulator.calls import Call


class What(StrEnum):
    """HANG does nothing and answers late, TIMEOUT does it and answers late; a number is answered
    as a status. SLOW and ERROR befall what the call makes, VANISHED what it names or makes,
    PARTIAL shortens a list without saying so, EXPIRED ends the token that the call came with."""

    HANG = "hang"
    TIMEOUT = "timeout"
    CONFLICT = "409"
    TOO_LARGE = "413"
    TOO_MANY = "429"
    INTERNAL = "500"
    UNAVAILABLE = "503"
    SLOW = "slow"
    ERROR = "error"
    VANISHED = "vanished"
    PARTIAL = "partial"
    EXPIRED = "expired"


NAMES: Mapping[str, str] = {
    "identity": "keystone",
    "compute": "nova",
    "network": "neutron",
    "volume": "cinder",
    "dns": "designate",
    "key-manager": "barbican",
    "image": "glance",
}


@dataclass(slots=True)
class Rule:
    """`path` is a pattern searched in the path below the service's version; the first `after`
    matching calls pass, the next `times` (0: all) are hit. `done` carries the call out before a
    status is answered; `seconds` is how late or how slow."""

    what: What
    service: str = ""
    method: str = ""
    path: str = ""
    times: int = 1
    after: int = 0
    seconds: float = 30.0
    retry_after: int | None = None
    message: str = ""
    type: str = ""
    done: bool = False
    hits: int = 0

    @property
    def status(self) -> int | None:
        """The status that it answers, if it does."""
        return int(self.what) if self.what.isdigit() else None

    def matches(self, service: str, call: Call) -> bool:
        """Whether it is about such a call."""
        return (
            self.service in ("", service)
            and self.method in ("", call.method)
            and re.search(self.path, call.path) is not None
        )

    def shown(self) -> dict[str, object]:
        """As the control address shows it."""
        return asdict(self)


def rule_of(body: Mapping[str, object]) -> Rule:
    """A rule from what was posted. Raises ValueError with what is wrong."""
    known = {"what", *Rule.__dataclass_fields__} - {"hits"}
    if unknown := set(body) - known:
        listed = ", ".join(sorted(known))
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {listed}")
    given = {name: body[name] for name in body if name != "what"}
    _checked(given)
    rule = Rule(what=What(str(body.get("what"))), **given)  # type: ignore[arg-type] # checked above
    rule.service = NAMES.get(rule.service, rule.service)
    rule.method = rule.method.upper()
    if rule.service not in ("", *NAMES.values()):
        raise ValueError(f"no such service: {rule.service}")
    try:
        re.compile(rule.path)
    except re.error as error:
        raise ValueError(f"path is no pattern: {error}") from None
    return rule


_KINDS: Mapping[str, tuple[type, ...]] = {
    "times": (int,),
    "after": (int,),
    "seconds": (int, float),
    "retry_after": (int,),
    "done": (bool,),
}


def _checked(given: Mapping[str, object]) -> None:
    for name, value in given.items():
        kinds = _KINDS.get(name, (str,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{name}: wrong kind of value")


class Rules:
    """The rules in force, in the order in which they came."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        self._rules.append(rule)

    def clear(self) -> None:
        self._rules.clear()

    def shown(self) -> list[dict[str, object]]:
        return [rule.shown() for rule in self._rules]

    def strike(self, service: str, call: Call) -> Rule | None:
        """The first rule that hits this call, counted as a hit."""
        for rule in self._rules:
            if not rule.matches(service, call):
                continue
            if rule.after > 0:
                rule.after -= 1
                continue
            if rule.times and rule.hits >= rule.times:
                continue
            rule.hits += 1
            return rule
        return None
