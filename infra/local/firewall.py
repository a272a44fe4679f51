"""Keep builds and services away from this machine, its metadata address and each other.

    python -m infra.local.firewall [ensure | inspect | remove]

`ensure` is cheap where nothing changed, so that the supervisor repeats it: another tool that
reloads its own firewall takes these rules with it.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from shutil import which

from infra.local.errors import RefusedError
from infra.local.firewall_rules import (
    METADATA,
    Address,
    Family,
    Network,
    Policy,
    removal,
    rules,
    transaction,
)

_DEADLINE_SECONDS = 20
_LOCK_WAIT = ("-w", "10")
_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
_BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")

NOT_ROOT = (
    "Without root rights builds and services are not kept from this machine: they can reach "
    "programs that listen on all of its addresses (those on 127.0.0.1 stay out of reach), "
    "the cloud's metadata address 169.254.169.254 where there is one, and builds that run at the "
    "same time. Run `sudo make firewall` once after each start of the machine to close this."
)
NO_TOOL = "{command} is not installed, so {what}. Install the package `iptables` and start again."
NO_BRIDGE_FILTER = (
    "Traffic inside one bridge does not pass the packet filter here, so builds that run at the "
    "same time can reach each other. `modprobe br_netfilter` closes this."
)


@dataclass(frozen=True, slots=True)
class Report:
    """`enforced`: the rules are in place. `gaps`: what they do not cover, one sentence each."""

    enforced: bool
    changed: bool = False
    gaps: tuple[str, ...] = ()


def read_policy(environment: Mapping[str, str] = os.environ) -> Policy:
    """The policy of this machine. Raises RefusedError for a setting that cannot be used.

    C2D_HTTP_PORT and C2D_HTTPS_PORT stay open; C2D_DENIED_NETWORKS names networks, separated by
    commas, that builds and services must not reach besides the metadata addresses.
    """
    ports = (environment.get("C2D_HTTP_PORT") or "7080", environment.get("C2D_HTTPS_PORT"))
    return Policy(
        public_ports=tuple(_port(port) for port in ports if port),
        nameservers=nameservers(),
        denied=METADATA + _networks(environment.get("C2D_DENIED_NETWORKS", "")),
    )


def ensure(policy: Policy) -> Report:
    """Put the rules in place where they are not. As another user than root: say what is open."""
    if os.geteuid() != 0:
        return Report(enforced=False, gaps=(NOT_ROOT,))
    changed = _change(lambda listing, family: transaction(listing, rules(policy, family)))
    return Report(enforced=which(Family.V4.command) is not None, changed=changed, gaps=_gaps())


def inspect(policy: Policy) -> Report:
    """Whether the rules are in place, changing nothing. Reading them takes root rights too."""
    if os.geteuid() != 0:
        return Report(enforced=False, gaps=(NOT_ROOT,))
    tools = [family for family in Family if which(family.command)]
    stale = [f for f in tools if transaction(_listing(f), rules(policy, f)) is not None]
    return Report(enforced=Family.V4 in tools and not stale, gaps=_gaps())


def remove() -> Report:
    """Take the rules out. Without root rights there are none of ours to take out."""
    if os.geteuid() != 0:
        return Report(enforced=False, gaps=(NOT_ROOT,))
    return Report(enforced=False, changed=_change(lambda listing, _: removal(listing)))


def nameservers(files: tuple[Path, ...] = _RESOLVERS) -> tuple[Address, ...]:
    """The resolvers the engine hands to containers; behind a local stub, those it asks."""
    found: list[Address] = []
    for file in files:
        lines = file.read_text().splitlines() if file.exists() else []
        words = [line.split() for line in lines]
        found += [
            ip_address(word[1].split("%")[0])
            for word in words
            if len(word) > 1 and word[0] == "nameserver"
        ]
    return tuple(dict.fromkeys(server for server in found if not server.is_loopback))


def _change(wanted: Callable[[str, Family], str | None]) -> bool:
    changed = False
    for family in Family:
        if not which(family.command):
            continue
        restore = wanted(_listing(family), family)
        if restore is not None:
            _run([f"{family.command}-restore", *_LOCK_WAIT, "--noflush"], restore)
            changed = True
    return changed


def _listing(family: Family) -> str:
    return _run([family.command, *_LOCK_WAIT, "-S"])


def _run(argv: list[str], text: str | None = None) -> str:
    try:
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=_DEADLINE_SECONDS, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise RefusedError(f"{argv[0]} did not end within {_DEADLINE_SECONDS} s.") from error
    except subprocess.CalledProcessError as error:
        raise RefusedError(
            f"{argv[0]} refused the isolation rules: {error.stderr.strip()}. "
            "Check that the kernel has the modules it names."
        ) from error
    return done.stdout


def _gaps() -> tuple[str, ...]:
    found = []
    if not which(Family.V4.command):
        found.append(
            NO_TOOL.format(command=Family.V4.command, what="nothing of the isolation is enforced")
        )
    if not which(Family.V6.command):
        found.append(NO_TOOL.format(command=Family.V6.command, what="IPv6 is not filtered"))
    if not _BRIDGE_FILTER.exists() or _BRIDGE_FILTER.read_text().strip() != "1":
        found.append(NO_BRIDGE_FILTER)
    return tuple(found)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise RefusedError(f"{text!r} is no port; set a number from 1 to 65535.")
    return int(text)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(item.strip()) for item in text.split(",") if item.strip())
    except ValueError as error:
        raise RefusedError(
            f"C2D_DENIED_NETWORKS: {error}; write networks such as 10.0.0.0/8, with commas between."
        ) from error


def main(arguments: list[str]) -> int:
    """Do what the command line says; the exit code is 0 when the rules are as wished."""
    command = arguments[0] if arguments else "ensure"
    commands: dict[str, Callable[[Policy], Report]] = {
        "ensure": ensure,
        "inspect": inspect,
        "remove": lambda _: remove(),
    }
    if command not in commands or len(arguments) > 1:
        print(__doc__)
        return 2
    report = commands[command](read_policy())
    print("enforced" if report.enforced else "not enforced")
    for gap in report.gaps:
        print(gap)
    return 0 if report.enforced or command == "remove" else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RefusedError as error:
        sys.exit(str(error))
