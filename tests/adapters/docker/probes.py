"""Asking from inside a container what it can reach, and the machine it asks about."""

import json
import socket
import socketserver
import subprocess
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from infra.local import firewall
from infra.local.engine import docker_program
from tests.adapters.docker.conftest import PYTHON_IMAGE

Target = tuple[str, int]

# Prints one line of JSON: target to `open`, or the error that kept it closed.
SCRIPT = textwrap.dedent(
    """
    import json, socket, sys
    from concurrent.futures import ThreadPoolExecutor

    def probe(target):
        host, _, port = target.rpartition(" ")
        try:
            socket.create_connection((host, int(port)), timeout=3).close()
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        return "open"

    targets = json.loads(sys.argv[1])
    with ThreadPoolExecutor(16) as pool:
        print("PROBED " + json.dumps(dict(zip(targets, pool.map(probe, targets)))))
    """
)


def asked(targets: Sequence[Target]) -> str:
    return json.dumps([f"{host} {port}" for host, port in targets])


def answered(printed: str) -> dict[Target, str]:
    _, _, rest = printed.partition("PROBED ")
    found: dict[str, str] = json.loads(rest.splitlines()[0])
    split = ((target.rpartition(" "), answer) for target, answer in found.items())
    return {(host, int(port)): answer for (host, _, port), answer in split}


def is_open(address: str, port: int) -> bool:
    """Whether this machine itself reaches it: a probe of what nobody serves proves nothing."""
    try:
        socket.create_connection((address, port), timeout=3).close()
    except OSError:
        return False
    return True


def probe_from_build(folder: Path, targets: Sequence[Target]) -> dict[Target, str]:
    """What a RUN step of a build reaches."""
    (folder / "probe.py").write_text(SCRIPT)
    (folder / "targets.json").write_text(asked(targets))
    run = 'python3 /p/probe.py "$(cat /p/targets.json)"'
    done = build(folder, f"FROM {PYTHON_IMAGE}\nCOPY . /p\nRUN {run}\n")
    assert done.returncode == 0, done.stderr
    return answered(done.stderr)


def build(folder: Path, dockerfile: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "Dockerfile").write_text(dockerfile)
    argv = [docker_program(), "build", "--no-cache", "--progress=plain", *options, str(folder)]
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=120,
        env={"DOCKER_BUILDKIT": "1", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        check=False,
    )


@contextmanager
def listening(address: str) -> Iterator[int]:
    """Something that accepts connections on a free port of `address`; the kernel answers."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind((address, 0))
        server.listen(128)
        yield int(server.getsockname()[1])


@contextmanager
def relay(path: Path, target: str) -> Iterator[list[socket.socket]]:
    """A socket in front of another; yields the connections it was asked for."""
    accepted: list[socket.socket] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            accepted.append(self.request)
            with socket.socket(socket.AF_UNIX) as behind:
                behind.connect(target)
                back = threading.Thread(target=_pump, args=(behind, self.request))
                back.start()
                _pump(self.request, behind)
                back.join(timeout=10)

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield accepted
        finally:
            server.shutdown()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    while part := source.recv(65536):
        sink.sendall(part)
    sink.shutdown(socket.SHUT_WR)


def own_addresses() -> list[str]:
    """Every IPv4 address of this machine but those of its loopback."""
    return [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family is socket.AF_INET and not address.address.startswith("127.")
    ]


def own_ipv6_addresses() -> list[str]:
    return [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family is socket.AF_INET6
        and "%" not in address.address
        and address.address != "::1"
    ]


NEIGHBOUR = "198.51.100.2"
DENIED_NEIGHBOUR = "198.51.100.130"
METADATA = "169.254.169.254"


@contextmanager
def neighbour(name: str) -> Iterator[int]:
    """Another machine on a cable: a namespace with three addresses, one of them the metadata's.

    Yields the port on which all three answer. The name must not look like a project's bridge.
    """
    near, far = f"{name}a", f"{name}b"
    with ExitStack() as undo:
        _ip("netns", "add", name)
        undo.callback(_ip, "netns", "del", name)
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _ip("addr", "add", "198.51.100.1/24", "dev", near)
        _ip("link", "set", near, "up")
        for address in (f"{NEIGHBOUR}/24", f"{DENIED_NEIGHBOUR}/24", f"{METADATA}/32"):
            _ip("-n", name, "addr", "add", address, "dev", far)
        _ip("-n", name, "link", "set", far, "up")
        _ip("route", "add", f"{METADATA}/32", "via", NEIGHBOUR, "dev", near)
        yield undo.enter_context(_serving_in(name))


@contextmanager
def _serving_in(namespace: str) -> Iterator[int]:
    code = (
        "import socket; s = socket.create_server(('0.0.0.0', 0), backlog=128); "
        "print(s.getsockname()[1], flush=True); input()"
    )
    argv = ["ip", "netns", "exec", namespace, "python3", "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


@contextmanager
def rules_put_back() -> Iterator[None]:
    """Whatever isolation a platform on this machine had is there again afterwards."""
    before = {tool: _run(tool, "-S").splitlines() for tool in ("iptables", "ip6tables")}
    try:
        yield
    finally:
        firewall.remove()
        for tool, lines in before.items():
            ours = [line for line in lines if "C2D-" in line]
            chains = [f":{line.split()[1]} - [0:0]" for line in ours if line.startswith("-N")]
            rules = [line for line in ours if line.startswith("-A C2D-")]
            jumps = [f"-I {line[3:].replace(' ', ' 1 ', 1)}" for line in ours if line not in rules]
            hooks = [line for line in jumps if " 1 -j " in line]
            restore = "\n".join(["*filter", *chains, *rules, *hooks, "COMMIT", ""])
            _run(f"{tool}-restore", "--noflush", text=restore)


def _run(*argv: str, text: str | None = None) -> str:
    done = subprocess.run(argv, input=text, check=True, timeout=20, capture_output=True, text=True)
    return done.stdout


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)
