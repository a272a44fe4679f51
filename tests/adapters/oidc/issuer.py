"""An issuer with keys of its own, shaped like Casdoor, and its addresses over HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT = "client-1"
KEYS = "/.well-known/jwks"
TOKENS = "/api/login/oauth/access_token"


@cache
def key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key pair by name, made once: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(name: str, **more: Any) -> dict[str, Any]:
    public = RSAAlgorithm.to_jwk(key(name).public_key(), as_dict=True)
    return {**public, "kid": name, "alg": "RS256", "use": "sig", **more}


class Issuer:
    """Publishes `published` and signs with `signer`; `down` makes it answer 503."""

    def __init__(self, url: str = "https://id.example") -> None:
        self.url = url
        self.signer = "cert-1"
        self.published = ["cert-1"]
        self.down = False
        self.fetches = 0

    def fetch(self) -> dict[str, Any]:
        """The keys as a source gives them."""
        from shared.domain.errors import Transient

        self.fetches += 1
        if self.down:
            raise Transient("it is down")
        return {"keys": [jwk(name) for name in self.published]}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What Casdoor's default format says of a developer of acme."""
        at = int(time.time())
        said = {
            "iss": self.url,
            "sub": "9f6d1a8e-0f5e-4f3f-8a55-0d7d3f0c7d11",
            "aud": [CLIENT],
            "azp": CLIENT,
            "iat": at,
            "nbf": at,
            "exp": at + 3600,
            "jti": f"acme/{uuid4()}",
            "owner": "acme",
            "name": "ada",
            "displayName": "Ada Lovelace",
            "email": "ada@acme.example",
            "isAdmin": False,
            "groups": [],
            "roles": [{"owner": "acme", "name": "developer", "isEnabled": True}],
            "permissions": None,
            "tokenType": "access-token",
            "scope": "openid profile",
            **changed,
        }
        return {name: value for name, value in said.items() if value is not ...}

    def discovery(self) -> dict[str, Any]:
        """Its endpoints, where Casdoor has them."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/login/oauth/authorize",
            "token_endpoint": self.url + TOKENS,
            "device_authorization_endpoint": f"{self.url}/api/device-auth",
            "userinfo_endpoint": f"{self.url}/api/userinfo",
            "jwks_uri": self.url + KEYS,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def tokens(self) -> dict[str, Any]:
        """What it answers for a code: the ID token is the access token, as in Casdoor."""
        token = self.token()
        return {
            "access_token": token,
            "id_token": token,
            "refresh_token": self.token(tokenType="refresh-token"),
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "openid profile",
        }

    def token(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A token; a claim or header that is `...` is left out."""
        headers = {"kid": self.signer, "typ": "JWT", **(header or {})}
        kept = {name: value for name, value in headers.items() if value is not ...}
        return jwt.encode(self.claims(**changed), key(self.signer), "RS256", headers=kept)


class Handler(BaseHTTPRequestHandler):
    """The issuer's addresses, and one that leads elsewhere."""

    issuer: Issuer

    def do_GET(self) -> None:
        issuer = self.issuer
        if self.path == "/.well-known/openid-configuration":
            self._answer(200, issuer.discovery())
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", issuer.url + KEYS)
            self.end_headers()
        elif self.path == KEYS:
            issuer.fetches += 1
            names = [] if issuer.down else issuer.published
            self._answer(503 if issuer.down else 200, {"keys": [jwk(name) for name in names]})
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        known = self.path.partition("?")[0] == TOKENS
        self._answer(200 if known else 404, self.issuer.tokens() if known else {})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def served(issuer: Issuer) -> Iterator[Issuer]:
    """The issuer at an address on loopback, which becomes its name."""
    handler = type("Handler", (Handler,), {"issuer": issuer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
