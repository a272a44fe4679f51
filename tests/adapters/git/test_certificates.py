"""A server with a certificate of one's own is trusted by its CA file, and by nothing else."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.git.github import GitHub
from shared.adapters.git.gitlab import GitLab
from shared.adapters.git.server import github_server, gitlab_server
from shared.domain.errors import Transient
from shared.ports.git import GitProvider

pytestmark = pytest.mark.enable_socket
SAID = {"id": 7, "login": "ada", "username": "ada", "access_token": "fresh"}


@dataclass
class Private:
    url: str
    ca_file: Path


class Everything(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(SAID).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None: ...


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "git.acme.example")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Private]:
    certificate, key = certify(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Everything)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Private(f"https://127.0.0.1:{server.server_port}", certificate)
    server.shutdown()
    server.server_close()
    thread.join(10)


def adapter(kind: str, at: Private, ca_file: str | None) -> GitProvider:
    if kind == "github":
        return GitHub(github_server(at.url, "id", "secret", ca_file))
    return GitLab(gitlab_server(at.url, "id", "secret", ca_file))


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_the_ca_file_opens_the_api_and_the_token_endpoint(kind: str, private: Private) -> None:
    provider = adapter(kind, private, str(private.ca_file))
    assert provider.account("token").name == "ada"
    assert provider.refresh("any").access_token == "fresh"


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_without_it_nothing_is_said_to_the_server_and_the_setting_is_named(
    kind: str, private: Private, capfd: pytest.CaptureFixture[str]
) -> None:
    provider = adapter(kind, private, None)
    for ask in (lambda: provider.account("token"), lambda: provider.refresh("any")):
        with pytest.raises(Transient, match="C2D_GIT_CA_FILE"):
            ask()
