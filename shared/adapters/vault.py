"""Secret values at rest: AES-256-GCM under a key of their own, itself under a master key.

A sealed text is `c2v1.<master key id>.<wrapped data key>.<ciphertext>`, both base64url of
nonce and ciphertext with tag. The context is authenticated with the value; the format and the
master key's id are authenticated with the data key.
"""

import base64
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.errors import Invalid, PlatformError

FORMAT: Final = "c2v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
CHECK_SECONDS: Final = 1.0
"""How long a vault may seal with a key that has been replaced."""
PATTERN: Final = "master-*.json"
_NUMBER: Final = re.compile(r"master-(\d{1,8})\.json$")
_KEY_ID: Final = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that seals other keys. Its id is public, its bytes are not."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.match(self.id) or len(self.secret) != _KEY_BYTES:
            raise PlatformError("a master key has an id of letters and digits, and 32 bytes")

    @property
    def mark(self) -> str:
        """How every text begins that it seals."""
        return f"{FORMAT}.{self.id}."

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
        """Write it where nothing is yet, readable by the owner alone; it is whole or not there."""
        document = {"id": self.id, "key": base64.b64encode(self.secret).decode()}
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(document, file)
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)
        finally:
            part.unlink()


class KeyFiles:
    """One file with a master key, or every `master-*.json` of a folder: the last by name seals."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[Path]:
        """The files, oldest key first."""
        return sorted(self._path.glob(PATTERN)) if self._path.is_dir() else [self._path]

    def next_name(self) -> Path:
        """The file of a key that is to follow the others. For folders only."""
        numbers = [int(found[1]) for n in self.names() if (found := _NUMBER.match(n.name))]
        return self._path / f"master-{max(numbers, default=0) + 1:04}.json"

    def load(self) -> list[MasterKey]:
        """Raises PlatformError for a file that holds none."""
        return [MasterKey.load(file) for file in self.names()]


class EnvelopeVault:
    """Seals with the last of its master keys and opens what any of them sealed.

    With a `source` it learns of new keys while it runs: within `CHECK_SECONDS` for sealing, at
    once for a value whose key it does not know. What it has known once it does not forget.
    """

    def __init__(
        self,
        keys: Sequence[MasterKey],
        source: Callable[[], Sequence[MasterKey]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not keys:
            raise PlatformError("a vault needs a master key")
        self._source = source
        self._clock = clock
        self._checked = clock()
        self._ring = _Ring(keys[-1].id, {key.id: AESGCM(key.secret) for key in keys})

    @property
    def mark(self) -> str:
        return f"{FORMAT}.{self._current().newest}."

    def seal(self, value: str, context: str) -> str:
        ring = self._current()
        data_key = AESGCM.generate_key(_KEY_BYTES * 8)
        header = f"{FORMAT}.{ring.newest}"
        wrapped = encrypt(ring.keys[ring.newest], data_key, header)
        sealed = encrypt(AESGCM(data_key), value.encode("utf-8", "surrogatepass"), context)
        return f"{header}.{text(wrapped)}.{text(sealed)}"

    def open(self, sealed: str, context: str) -> str:
        try:
            form, key_id, wrapped, value = sealed.split(".")
            if form != FORMAT:
                raise Invalid("the sealed value has a format this version does not know")
            master = self._key(key_id)
            data_key = decrypt(master, raw(wrapped), f"{form}.{key_id}")
            plain = decrypt(AESGCM(data_key), raw(value), context)
        except KeyError as error:
            raise Invalid("the sealed value needs a master key that is not loaded") from error
        except (ValueError, InvalidTag) as error:
            raise Invalid("the sealed value is damaged or belongs elsewhere") from error
        return plain.decode("utf-8", "surrogatepass")

    def _key(self, key_id: str) -> AESGCM:
        if key_id not in self._ring.keys:
            self._reload()
        return self._ring.keys[key_id]

    def _current(self) -> "_Ring":
        if self._clock() - self._checked >= CHECK_SECONDS:
            self._reload()
        return self._ring

    def _reload(self) -> None:
        self._checked = self._clock()
        if self._source is None:
            return
        with suppress(PlatformError):  # a file that is no key (yet) takes nothing from the others
            keys = self._source()
            known = self._ring.keys
            fresh = {key.id: known.get(key.id) or AESGCM(key.secret) for key in keys}
            if keys:
                self._ring = _Ring(keys[-1].id, {**known, **fresh})


@dataclass(frozen=True, slots=True)
class _Ring:
    """Replaced as a whole, so that threads see one state or the other."""

    newest: str
    keys: Mapping[str, AESGCM]


def vault_of(path: Path) -> EnvelopeVault:
    """The vault over the key files at `path`. Raises PlatformError without a key."""
    files = KeyFiles(path)
    return EnvelopeVault(files.load(), files.load)


def encrypt(key: AESGCM, plain: bytes, context: str) -> bytes:
    """Nonce, ciphertext and tag."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, context.encode())


def decrypt(key: AESGCM, sealed: bytes, context: str) -> bytes:
    """Raises InvalidTag."""
    return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())


def text(raw: bytes) -> str:
    """Base64 as it stands in sealed texts."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(encoded: str) -> bytes:
    """The bytes again. Raises ValueError for anything `text` does not write."""
    found = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    if text(found) != encoded:
        raise ValueError("not how we write base64")
    return found
