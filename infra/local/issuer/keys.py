"""The issuer's keys in the state folder: the newest signs, the one before stays published."""

import base64
import hashlib
import json
import threading
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from infra.local.state import hold, write_private

BITS: Final = 2048
PUBLISHED: Final = 2
_NAME: Final = "jwks.json"


class SigningKeys:
    """Keys in files `<number>.pem`, their public halves in `jwks.json`, for whoever checks.

    Another process may rotate them: what is signed next is signed with the newest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loading = threading.Lock()
        self._loaded: tuple[str, rsa.RSAPrivateKey] | None = None

    def ensure(self) -> None:
        """Make the first key where there is none, and publish what there is."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with hold(self._folder / ".lock", "The sign-in keys are being rotated; try again."):
            if not self._files():
                self._make(1)
            self._publish()

    def rotate(self) -> str:
        """Sign with a new key from now on; its id. Tokens of the one before stay valid until they
        expire, those of older ones are refused at once."""
        self.ensure()
        with hold(self._folder / ".lock", "The sign-in keys are being rotated; try again."):
            self._make(int(self._files()[-1].stem) + 1)
            for old in self._files()[:-PUBLISHED]:
                old.unlink()
            self._publish()
        return self._newest()[0]

    def published(self) -> dict[str, Any]:
        """The JSON Web Key Set."""
        found: dict[str, Any] = json.loads((self._folder / _NAME).read_text())
        return found

    def sign(self, claims: dict[str, Any], typ: str) -> str:
        """A token of these claims by the newest key."""
        kid, key = self._newest()
        return jwt.encode(claims, key, "RS256", headers={"kid": kid, "typ": typ})

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.pem"))

    def _newest(self) -> tuple[str, rsa.RSAPrivateKey]:
        newest = self._files()[-1]
        with self._loading:
            if self._loaded is None or self._loaded[0] != newest.name:
                self._loaded = (newest.name, _load(newest))
            key = self._loaded[1]
        return _jwk(key)["kid"], key

    def _make(self, number: int) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(self._folder / f"{number:04}.pem", pem.decode())

    def _publish(self) -> None:
        keys = [_jwk(_load(file)) for file in reversed(self._files())]
        write_private(self._folder / _NAME, json.dumps({"keys": keys}))


def _load(file: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{file} is not an RSA key")
    return key


def _jwk(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """The public half; its id is the key's thumbprint (RFC 7638)."""
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public = {name: public[name] for name in ("e", "kty", "n")}
    canonical = json.dumps(public, separators=(",", ":"), sort_keys=True).encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest())
    return {**public, "kid": digest.rstrip(b"=").decode(), "alg": "RS256", "use": "sig"}
