"""Signing in at RDS and RDS Proxy with a function's own role: a signed URL is the password.

Made here and not by boto3, which takes longer to import than everything else of a cold start.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

_SERVICE: Final = "rds-db"
_SECONDS: Final = 900
"""How long one may be used for connecting; connections last as long as they do."""
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_NOTHING: Final = hashlib.sha256(b"").hexdigest()


def token(host: str, port: int, user: str, environment: Mapping[str, str], at: datetime) -> str:
    """The password of `user` at that moment, from the keys and the region that Lambda gives.

    Raises KeyError where there are none.
    """
    key, secret = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{environment['AWS_REGION']}/{_SERVICE}/aws4_request"
    query = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if session := environment.get("AWS_SESSION_TOKEN"):
        query["X-Amz-Security-Token"] = session
    asked = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    place = f"{host}:{port}"
    request = f"GET\n/\n{asked}\nhost:{place}\n\nhost\n{_NOTHING}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = _signed(secret, scope, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}")
    return f"{place}/?{asked}&X-Amz-Signature={signature}"


def _signed(secret: str, scope: str, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in [*scope.split("/"), text]:
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()
