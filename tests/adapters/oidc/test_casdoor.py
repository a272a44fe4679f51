"""Casdoor's own client (PyPI `casdoor`) and its own description hold our stand-in to what it is.

The client needs other versions of libraries than we do: it lives in a folder of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from infra.local.issuer.grants import Redeemed
from infra.local.issuer.keys import SigningKeys
from infra.local.issuer.tokens import Signer
from shared.adapters.oidc.access_tokens import AccessTokens
from shared.adapters.oidc.claims import Rules, organization_of
from shared.adapters.oidc.keys import KeyRing
from shared.adapters.oidc.sources import HttpKeys
from shared.domain.access import LOCAL_CLIENT, LOCAL_ORGANIZATION, Role
from shared.domain.ids import new_id, now
from shared.domain.sign_in import Grant, GrantState, Member
from tests.adapters.oidc.issuer import CLIENT, KEYS, TOKENS, Issuer, key, served

VERSION = "1.43.3"
INSTALLED = Path(tempfile.gettempdir()) / f"c2d-casdoor-{VERSION}"
CONTRACT = Path(__file__).parents[4] / "shared" / "contracts" / "casdoor.swagger.json"
SECONDS = 240
SCRIPT = """
import json, sys
from casdoor import CasdoorSDK
given = json.load(sys.stdin)
sdk = CasdoorSDK(given["url"], given["client"], "secret", given["certificate"], "acme", "app")
token = given["token"] or sdk.get_oauth_token(code="code")["access_token"]
print(json.dumps({"token": token, "claims": sdk.parse_jwt_token(token)}))
"""


@pytest.fixture(scope="session")
def sdk() -> Path:
    """The client's packages, installed the first time only."""
    if not INSTALLED.is_dir():
        with tempfile.TemporaryDirectory(dir=INSTALLED.parent) as work:
            target = Path(work) / "packages"
            argv = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
            subprocess.run([*argv, f"casdoor=={VERSION}"], timeout=SECONDS, check=True)
            if not INSTALLED.exists():
                target.rename(INSTALLED)
    return INSTALLED


def asked(sdk: Path, url: str, client: str, signer: RSAPrivateKey, token: str = "") -> Any:
    """What the client gets for a code, or makes of a token."""
    given = {"url": url, "client": client, "certificate": certificate(signer), "token": token}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(given),
        env={"PYTHONPATH": str(sdk), "PATH": os.environ["PATH"], "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def certificate(signer: RSAPrivateKey) -> str:
    """Casdoor hands its clients a certificate instead of a key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cert-1")])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.public_key())
        .serial_number(1)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def test_a_token_that_casdoors_client_was_given_signs_in_here(sdk: Path) -> None:
    with served(Issuer()) as issuer:
        got = asked(sdk, issuer.url, CLIENT, key(issuer.signer))
        rules = Rules(issuer.url, CLIENT, partial(organization_of, issuer.url))
        actor = AccessTokens(rules, KeyRing(HttpKeys(issuer.url))).check(got["token"])
    assert got["claims"]["owner"] == "acme"
    assert actor.roles == {Role.DEVELOPER}


def test_casdoors_client_reads_the_tokens_of_this_machines_issuer(
    sdk: Path, tmp_path: Path
) -> None:
    keys = SigningKeys(tmp_path / "issuer")
    keys.ensure()
    pem = (tmp_path / "issuer" / "0001.pem").read_bytes()
    signer = load_pem_private_key(pem, None)
    assert isinstance(signer, RSAPrivateKey)
    url = "http://127.0.0.1:8080"
    token = Signer(url, keys).answer(redeemed())["access_token"]
    claims = asked(sdk, url, LOCAL_CLIENT, signer, token)["claims"]
    assert (claims["displayName"], claims["roles"][0]["name"]) == ("Ada", "developer")


def redeemed() -> Redeemed:
    at = now()
    member = Member(LOCAL_ORGANIZATION, new_id(), "a@b.c", "Ada", Role.DEVELOPER, at, at)
    grant = Grant(
        LOCAL_ORGANIZATION, new_id(), GrantState.ACTIVE, LOCAL_CLIENT, "", "openid", at, at
    )
    return Redeemed(grant, member, "")


def test_the_stand_in_is_what_casdoor_says_of_itself() -> None:
    if not CONTRACT.exists():
        pytest.skip("Casdoor's description is not beside this checkout: not compared")
    described = json.loads(CONTRACT.read_text())
    issuer, shapes = Issuer(), described["definitions"]
    assert {KEYS, TOKENS, "/.well-known/openid-configuration"} <= set(described["paths"])
    assert "post" in described["paths"][TOKENS]
    fits(issuer.discovery(), shapes["object.OidcDiscovery"])
    fits(issuer.tokens(), shapes["object.TokenWrapper"])
    claims = issuer.claims()
    user = {n: claims[n] for n in ("owner", "name", "displayName", "email", "isAdmin", "roles")}
    fits(user, shapes["object.User"])
    for role in claims["roles"]:
        fits(role, shapes["object.Role"])


def fits(document: dict[str, Any], shape: dict[str, Any]) -> None:
    """Every field is one of the description's, and of its kind."""
    kinds: dict[str, Any] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "array": list,
    }
    for name, value in document.items():
        assert name in shape["properties"], name
        assert isinstance(value, kinds[shape["properties"][name]["type"]]), name
