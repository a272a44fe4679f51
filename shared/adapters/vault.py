"""Secret values at rest: AES-256-GCM under a key of their own, itself under a master key.

A sealed text is `c2v1.<master key id>.<wrapped data key>.<ciphertext>`, both base64url of
nonce and ciphertext with tag. The context is authenticated with the value; the format and the
master key's id are authenticated with the data key.
"""

import base64
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.errors import Invalid, PlatformError

_FORMAT: Final = "c2v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KEY_ID: Final = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that seals other keys. Its id is public, its bytes are not."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.match(self.id) or len(self.secret) != _KEY_BYTES:
            raise PlatformError("a master key has an id of letters and digits, and 32 bytes")

    @classmethod
    def generate(cls) -> "MasterKey":
        return cls(os.urandom(6).hex(), os.urandom(_KEY_BYTES))

    @classmethod
    def load(cls, path: Path) -> "MasterKey":
        """From `{"id": …, "key": base64 of 32 bytes}`. Raises PlatformError for anything else."""
        try:
            document = json.loads(path.read_text())
            return cls(document["id"], base64.b64decode(document["key"], validate=True))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PlatformError(f"{path} holds no master key: restore it from a backup") from error

    def store(self, path: Path) -> None:
        """Write it where nothing is yet, readable by the owner alone."""
        document = {"id": self.id, "key": base64.b64encode(self.secret).decode()}
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())


class EnvelopeVault:
    """Seals with the last of its master keys and opens what any of them sealed."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        if not keys:
            raise PlatformError("a vault needs a master key")
        self._newest = keys[-1]
        self._keys = {key.id: AESGCM(key.secret) for key in keys}

    def seal(self, value: str, context: str) -> str:
        data_key = AESGCM.generate_key(_KEY_BYTES * 8)
        header = f"{_FORMAT}.{self._newest.id}"
        wrapped = _encrypt(self._keys[self._newest.id], data_key, header)
        sealed = _encrypt(AESGCM(data_key), value.encode("utf-8", "surrogatepass"), context)
        return f"{header}.{_text(wrapped)}.{_text(sealed)}"

    def open(self, sealed: str, context: str) -> str:
        try:
            form, key_id, wrapped, value = sealed.split(".")
            if form != _FORMAT:
                raise Invalid("the sealed value has a format this version does not know")
            master = self._keys[key_id]
            data_key = _decrypt(master, _bytes(wrapped), f"{form}.{key_id}")
            plain = _decrypt(AESGCM(data_key), _bytes(value), context)
        except KeyError as error:
            raise Invalid("the sealed value needs a master key that is not loaded") from error
        except (ValueError, InvalidTag) as error:
            raise Invalid("the sealed value is damaged or belongs elsewhere") from error
        return plain.decode("utf-8", "surrogatepass")

    def is_current(self, sealed: str) -> bool:
        """Whether the newest master key sealed it; if not, seal the opened value again."""
        return sealed.startswith(f"{_FORMAT}.{self._newest.id}.")


def _encrypt(key: AESGCM, plain: bytes, context: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, context.encode())


def _decrypt(key: AESGCM, sealed: bytes, context: str) -> bytes:
    return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("not how we write base64")
    return raw
