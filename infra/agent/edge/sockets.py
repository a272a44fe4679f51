"""What the kernel says of TCP sockets: /proc/net/tcp and tcp6, read and understood."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

IpAddress = IPv4Address | IPv6Address

ESTABLISHED: Final = 0x01
SYN_SENT: Final = 0x02
LISTEN: Final = 0x0A
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_DOCKER_DNS: Final = IPv4Address("127.0.0.11")


@dataclass(frozen=True, slots=True)
class Socket:
    """One row; IPv4-mapped addresses are given as the IPv4 address they carry."""

    state: int
    local: IpAddress
    local_port: int
    remote: IpAddress
    remote_port: int


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """An address and a port on which something accepts connections."""

    address: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only its own network namespace reaches it."""
        return ip_address(self.address).is_loopback


def parse(table: str) -> Iterator[Socket]:
    """The rows of one table's text; the heading and damaged rows are passed over."""
    for row in table.splitlines():
        columns = row.split()
        if len(columns) < 4 or ":" not in columns[1]:
            continue
        local, local_port = _endpoint(columns[1])
        remote, remote_port = _endpoint(columns[2])
        yield Socket(int(columns[3], 16), local, local_port, remote, remote_port)


def listeners(table: str) -> tuple[Listener, ...]:
    """What listens, per one or both tables' text, without Docker's own name server."""
    found = {
        Listener(str(socket.local), socket.local_port)
        for socket in parse(table)
        if socket.state == LISTEN and socket.local != _DOCKER_DNS
    }
    return tuple(sorted(found))


def connections_to(targets: Iterable[str], tables: Iterable[Path] = _TABLES) -> Counter[str]:
    """How many connections to each `ip:port` are open or being opened from this machine.

    Only the dialling side counts: a row whose remote end is the target. Once that side has seen
    the end of the answer, nothing is in flight any more.
    """
    wanted = {_as_row(target): target for target in targets}
    counts = Counter(dict.fromkeys(wanted.values(), 0))
    for table in tables:
        for row in _rows(table):
            columns = row.split(maxsplit=4)
            if len(columns) < 4 or int(columns[3], 16) not in (ESTABLISHED, SYN_SENT):
                continue
            target = wanted.get(columns[2][-13:])
            if target:
                counts[target] += 1
    return counts


def _rows(table: Path) -> list[str]:
    try:
        return table.read_text().splitlines()[1:]
    except FileNotFoundError:  # no IPv6 in this kernel
        return []


def _as_row(target: str) -> str:
    # Both tables end an IPv4 (or mapped) endpoint with the address in little-endian hex.
    address, _, port = target.partition(":")
    return f"{IPv4Address(address).packed[::-1].hex().upper()}:{int(port):04X}"


def _endpoint(text: str) -> tuple[IpAddress, int]:
    address, _, port = text.partition(":")
    words = bytes.fromhex(address)
    packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    ip = ip_address(packed)
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        return ip.ipv4_mapped, int(port, 16)
    return ip, int(port, 16)
