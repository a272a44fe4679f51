"""Secret values at rest under a key of AWS KMS, which never leaves it.

A sealed text is `c2k1.<mark of the KMS key>.<data key as KMS wrapped it>.<ciphertext>`. One data
key seals for a few minutes; it is bound to this platform by KMS's encryption context, each value
to its own context by AES-GCM.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.adapters.aws import client
from shared.adapters.vault import FORMAT as FILE_FORMAT
from shared.adapters.vault import KeyFiles, decrypt, encrypt, raw, text, vault_of
from shared.domain.errors import Invalid, PlatformError, Transient
from shared.ports.secrets import Vault

FORMAT: Final = "c2k1"
HOLD_SECONDS: Final = 300.0
"""How long a data key is kept: KMS is asked that often, and a withdrawn grant works that long."""
MOST_USES: Final = 1_000_000
"""Values sealed under one data key: random nonces stay far from their limit of 2^32."""
MOST_OPENED: Final = 1_000
CLIENT_CONFIG: Final = Config(
    connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3, "mode": "standard"}
)
"""Deadlines for the client that `kms_vault` makes: at most 15 s for a call, retries counted."""

_DAMAGED: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
_REFUSED: Final = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "NotFoundException",
        "ValidationException",
    }
)
"""Codes that trying again does not help; every other one is Transient."""


@dataclass(slots=True)
class _DataKey:
    """`mark` tells which KMS key wrapped it."""

    mark: str
    wrapped: str
    cipher: AESGCM = field(repr=False)
    since: float
    uses: int = 0


class KmsVault:
    """Takes a boto3 client of `kms` and the id, ARN or alias of the key that seals.

    Opens what any KMS key sealed that the caller may use, and with `files` also what a key file
    sealed: that is how a platform moves to KMS.
    """

    def __init__(
        self,
        client: Any,
        key_id: str,
        platform_id: str,
        *,
        files: Vault | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._key_id = key_id
        self._bound_to = {"application": "click-to-deploy", "platform": platform_id}
        self._files = files
        self._clock = clock
        self._lock = Lock()
        self._sealing: _DataKey | None = None
        self._opened: OrderedDict[str, tuple[AESGCM, float]] = OrderedDict()

    @property
    def mark(self) -> str:
        return f"{FORMAT}.{self._data_key().mark}."

    def seal(self, value: str, context: str) -> str:
        key = self._data_key()
        sealed = encrypt(key.cipher, value.encode("utf-8", "surrogatepass"), context)
        return f"{FORMAT}.{key.mark}.{key.wrapped}.{text(sealed)}"

    def open(self, sealed: str, context: str) -> str:
        if sealed.startswith(f"{FILE_FORMAT}.") and self._files is not None:
            return self._files.open(sealed, context)
        try:
            form, _, wrapped, value = sealed.split(".")
            if form != FORMAT:
                raise Invalid("the sealed value has a format this version does not know")
            plain = decrypt(self._unwrapped(wrapped), raw(value), context)
        except (ValueError, InvalidTag) as error:
            raise Invalid("the sealed value is damaged or belongs elsewhere") from error
        return plain.decode("utf-8", "surrogatepass")

    def _data_key(self) -> _DataKey:
        """The key to seal with. One thread asks KMS for the next, the others wait for it."""
        with self._lock:
            key = self._sealing
            if key is None or self._old(key.since) or key.uses >= MOST_USES:
                key = self._sealing = self._generated()
            key.uses += 1
            return key

    def _generated(self) -> _DataKey:
        with _translated():
            made = self._client.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=self._bound_to
            )
        mark = hashlib.sha256(made["KeyId"].encode()).hexdigest()[:16]
        wrapped = text(made["CiphertextBlob"])
        cipher, since = AESGCM(made["Plaintext"]), self._clock()
        self._opened[wrapped] = (cipher, since)
        return _DataKey(mark, wrapped, cipher, since)

    def _unwrapped(self, wrapped: str) -> AESGCM:
        with self._lock:
            known = self._opened.get(wrapped)
        if known is not None and not self._old(known[1]):
            return known[0]
        blob = raw(wrapped)
        with _translated():
            found = self._client.decrypt(CiphertextBlob=blob, EncryptionContext=self._bound_to)
        cipher = AESGCM(found["Plaintext"])
        with self._lock:
            self._opened[wrapped] = (cipher, self._clock())
            self._opened.move_to_end(wrapped)
            while len(self._opened) > MOST_OPENED:
                self._opened.popitem(last=False)
        return cipher

    def _old(self, since: float) -> bool:
        return self._clock() - since >= HOLD_SECONDS


def kms_vault(key_id: str, endpoint: str | None, platform_id: str, files: Path) -> KmsVault:
    """The vault of a platform, with a client of its own; `files` are the keys it had before."""
    made = client("kms", endpoint, CLIENT_CONFIG)
    before = vault_of(files) if any(name.is_file() for name in KeyFiles(files).names()) else None
    return KmsVault(made, key_id, platform_id, files=before)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _DAMAGED:
            raise Invalid("the sealed value is damaged or belongs elsewhere") from error
        if code in _REFUSED:
            raise PlatformError(
                f"KMS refuses the key of this platform ({code}): see C2D_KMS_KEY_ID, the key's "
                "policy, and whether it is enabled"
            ) from error
        raise Transient(f"KMS does not answer as it should ({code})") from error
    except BotoCoreError as error:
        raise Transient(f"KMS cannot be reached: {type(error).__name__}") from error
