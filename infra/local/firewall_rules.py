"""What containers may reach, as packet filter rules. Pure text: nothing here runs anything."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

PROJECT_BRIDGES = "c2d+"
DEFAULT_BRIDGE = "docker0"  # where build steps run
_BRIDGES = (PROJECT_BRIDGES, DEFAULT_BRIDGE)

# Link-local addresses serve machine metadata on every cloud; the last one is Amazon's over IPv6.
METADATA: tuple[Network, ...] = (
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::254/128"),
)

HOOKS = {"C2D-INPUT": "INPUT", "C2D-FORWARD": "FORWARD"}
# Kept by the engine over its restarts and asked before its own accepting rules.
ENGINE_HOOK = "DOCKER-USER"


class Family(Enum):
    """An IP version and its tools."""

    V4 = 4
    V6 = 6

    @property
    def command(self) -> str:
        return "iptables" if self is Family.V4 else "ip6tables"

    @property
    def unreachable(self) -> str:
        return "icmp-port-unreachable" if self is Family.V4 else "icmp6-port-unreachable"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is open to builds and services although everything on this machine is closed.

    public_ports: where the router serves, so that services reach each other's public names.
    nameservers: answered on port 53, also when they are this machine or in a denied network.
    denied: networks that are refused besides this machine's own addresses.
    """

    public_ports: tuple[int, ...]
    nameservers: tuple[Address, ...] = ()
    denied: tuple[Network, ...] = METADATA


def rules(policy: Policy, family: Family) -> dict[str, tuple[str, ...]]:
    """The chains and their rules, written as the tool lists them.

    A chain only refuses or returns: it never opens what the machine's own firewall closes.
    """
    answers = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
    within = f"-i {PROJECT_BRIDGES} -o {PROJECT_BRIDGES} -m physdev --physdev-is-bridged -j RETURN"
    return {
        "C2D-INPUT": tuple(f"-i {bridge} -j C2D-HOST" for bridge in _BRIDGES),
        "C2D-HOST": (
            answers,
            *_neighbour_discovery(family),
            *_name_lookups(policy, family),
            *(f"-p tcp -m tcp --dport {port} -j RETURN" for port in policy.public_ports),
            "-j C2D-REFUSE",
        ),
        "C2D-FORWARD": (
            answers,
            within,
            f"-o {PROJECT_BRIDGES} -j C2D-REFUSE",
            f"-i {PROJECT_BRIDGES} -o {DEFAULT_BRIDGE} -j C2D-REFUSE",
            f"-i {DEFAULT_BRIDGE} -o {DEFAULT_BRIDGE} -j C2D-REFUSE",
            *(f"-i {bridge} -j C2D-OUT" for bridge in _BRIDGES),
        ),
        "C2D-OUT": (
            *_name_lookups(policy, family),
            *(f"-d {denied} -j C2D-REFUSE" for denied in _of(family, policy.denied)),
        ),
        # Refused, not dropped: SDKs ask for metadata at start and would wait out their timeouts.
        # TCP by a reset, because the kernel limits the rate of the other answer.
        "C2D-REFUSE": (
            "-p tcp -j REJECT --reject-with tcp-reset",
            f"-j REJECT --reject-with {family.unreachable}",
        ),
    }


def transaction(listing: str, wanted: dict[str, tuple[str, ...]]) -> str | None:
    """What turns `listing` (the tool's `-S`) into `wanted`, as one restore; None if it is so."""
    present = _chains(listing)
    jumps = {chain: _hook_of(chain, present) for chain in HOOKS}
    if _is_applied(present, wanted, jumps):
        return None
    lines = ["*filter", *(f":{chain} - [0:0]" for chain in wanted)]
    lines += [f"-A {chain} {rule}" for chain, chain_rules in wanted.items() for rule in chain_rules]
    lines += _unhooked(present)
    lines += [f"-I {parent} 1 -j {chain}" for chain, parent in jumps.items()]
    return "\n".join([*lines, "COMMIT", ""])


def removal(listing: str) -> str | None:
    """What takes every chain and jump of ours out of `listing`; None if there is none."""
    present = _chains(listing)
    ours = [chain for chain in present if chain.startswith("C2D-")]
    if not ours:
        return None
    lines = ["*filter", *_unhooked(present)]
    lines += [f"-F {chain}" for chain in ours] + [f"-X {chain}" for chain in ours]
    return "\n".join([*lines, "COMMIT", ""])


def _is_applied(
    present: dict[str, list[str]], wanted: dict[str, tuple[str, ...]], jumps: dict[str, str]
) -> bool:
    same = all(present.get(chain) == list(chain_rules) for chain, chain_rules in wanted.items())
    first = all(present.get(parent, [])[:1] == [f"-j {c}"] for c, parent in jumps.items())
    return same and first and len(_unhooked(present)) == len(jumps)


def _chains(listing: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in listing.splitlines():
        verb, _, rest = " ".join(line.split()).partition(" ")
        chain, _, rule = rest.partition(" ")
        if verb in ("-N", "-P"):
            found[chain] = []
        elif verb == "-A":
            found.setdefault(chain, []).append(rule)
    return found


def _hook_of(chain: str, present: dict[str, list[str]]) -> str:
    parent = HOOKS[chain]
    return ENGINE_HOOK if parent == "FORWARD" and ENGINE_HOOK in present else parent


def _unhooked(present: dict[str, list[str]]) -> list[str]:
    """Deletions of every jump into our chains from somebody else's."""
    return [
        f"-D {parent} {rule}"
        for parent, parent_rules in present.items()
        if not parent.startswith("C2D-")
        for rule in parent_rules
        if any(rule.endswith(f"-j {chain}") for chain in HOOKS)
    ]


def _of(family: Family, networks: Iterable[Network]) -> Iterator[Network]:
    return (network for network in networks if network.version == family.value)


def _name_lookups(policy: Policy, family: Family) -> Iterator[str]:
    for server in policy.nameservers:
        if server.version == family.value and not server.is_loopback:
            length = server.max_prefixlen
            yield f"-d {server}/{length} -p udp -m udp --dport 53 -j RETURN"
            yield f"-d {server}/{length} -p tcp -m tcp --dport 53 -j RETURN"


def _neighbour_discovery(family: Family) -> Iterator[str]:
    """Without it IPv6 finds nobody on the bridge, not even its router."""
    types = (133, 134, 135, 136) if family is Family.V6 else ()
    return (f"-p ipv6-icmp -m icmp6 --icmpv6-type {number} -j RETURN" for number in types)
