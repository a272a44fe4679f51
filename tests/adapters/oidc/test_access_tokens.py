"""What is accepted as an access token, for whom, and every way to forge one that is not."""

import base64
import hashlib
import hmac
import json
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.oidc.access_tokens import LONGEST, AccessTokens
from shared.adapters.oidc.claims import Rules, organization_of
from shared.adapters.oidc.keys import KeyRing, read_keys
from shared.domain.access import Credential, Role, Scope
from shared.domain.errors import Transient, Unauthenticated
from tests.adapters.oidc.issuer import CLIENT, Issuer, jwk, key

ISSUER = Issuer()
RULES = Rules(ISSUER.url, CLIENT, partial(organization_of, ISSUER.url))
CHECKED = AccessTokens(RULES, KeyRing(ISSUER))


def refused(token: str) -> str:
    with pytest.raises(Unauthenticated) as error:
        CHECKED.check(token)
    return error.value.reason


def segment(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def signed_with_hmac(header: dict[str, Any], secret: bytes) -> str:
    text = f"{segment(header)}.{segment(ISSUER.claims())}"
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_developer_of_casdoor_is_a_developer_here() -> None:
    actor = CHECKED.check(ISSUER.token())
    assert (actor.name, actor.email) == ("Ada Lovelace", "ada@acme.example")
    assert actor.organization_id == organization_of(ISSUER.url, "acme")
    assert actor.id == actor.user_id == ISSUER.claims()["sub"]
    assert actor.roles == {Role.DEVELOPER}
    assert actor.scopes == {Scope.READ, Scope.DEPLOY, Scope.WRITE}
    assert actor.credential is Credential.ACCESS_TOKEN


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_an_unsigned_token_is_refused(algorithm: str, signature: str) -> None:
    header = {"alg": algorithm, "typ": "JWT", "kid": ISSUER.signer}
    token = f"{segment(header)}.{segment(ISSUER.claims())}.{signature}"
    assert "RS256" in refused(token)


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(encoding: Encoding) -> None:
    secret = (
        key(ISSUER.signer).public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    )
    token = signed_with_hmac({"alg": "HS256", "kid": ISSUER.signer}, secret)
    assert "RS256" in refused(token)
    lying = signed_with_hmac({"alg": "RS256", "kid": ISSUER.signer}, secret)
    assert "not signed by its issuer" in refused(lying)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_with_the_right_key_is_refused(algorithm: str) -> None:
    headers = {"kid": ISSUER.signer}
    token = jwt.encode(ISSUER.claims(), key(ISSUER.signer), algorithm, headers=headers)
    assert "RS256" in refused(token)


def test_a_key_that_the_token_brings_along_is_not_looked_at() -> None:
    mine = {"jwk": jwk("attacker"), "jku": "https://evil.example", "x5u": "https://evil.example"}
    headers = {"kid": ISSUER.signer, **mine}
    token = jwt.encode(ISSUER.claims(), key("attacker"), "RS256", headers=headers)
    assert "not signed by its issuer" in refused(token)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": f"{ISSUER.url}.evil.example"}, "another issuer"),
        ({"iss": ...}, "not a valid"),
        ({"aud": ["client-2"]}, "another application"),
        ({"aud": "client-2"}, "another application"),
        ({"aud": []}, "another application"),
        ({"aud": 7}, "another application"),
        ({"aud": [f"{CLIENT}-org-other"]}, "another application"),
        ({"aud": ...}, "not a valid"),
        ({"exp": 1}, "expired"),
        ({"exp": ...}, "not a valid"),
        ({"exp": "never"}, "not a valid"),
        ({"exp": float("inf")}, "not a valid"),
        ({"nbf": 2**33}, "not valid yet"),
        ({"iat": 2**33}, "not valid yet"),
        ({"sub": ...}, "not a valid"),
        ({"sub": ""}, "names nobody"),
        ({"sub": "x" * 256}, "names nobody"),
        ({"owner": ...}, "no organisation"),
        ({"owner": ""}, "no organisation"),
        ({"owner": ["acme"]}, "no organisation"),
        ({"tokenType": "refresh-token"}, "send the access token"),
        ({"tokenType": "id-token"}, "send the access token"),
        ({"tokenType": ...}, "send the access token"),
        ({"isForbidden": True}, "closed"),
        ({"isDeleted": True}, "closed"),
    ],
    ids=str,
)
def test_a_claim_that_does_not_fit_is_refused(changed: dict[str, Any], said: str) -> None:
    assert said in refused(ISSUER.token(**changed))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"kid": "made-up"}, "does not publish"),
        ({"kid": ...}, "name its key"),
        ({"kid": ""}, "name its key"),
        ({"typ": "logout+jwt"}, "no access token"),
        ({"crit": ["exp"]}, "RS256"),
    ],
    ids=str,
)
def test_a_header_that_does_not_fit_is_refused(header: dict[str, Any], said: str) -> None:
    assert said in refused(ISSUER.token(header))


def test_a_changed_token_is_refused() -> None:
    head, _, signature = ISSUER.token().split(".")
    promoted = segment(ISSUER.claims(isAdmin=True))
    assert "not signed by its issuer" in refused(f"{head}.{promoted}.{signature}")


def test_a_token_of_a_plain_provider_needs_its_type() -> None:
    plain = {"tokenType": ..., "roles": ["admin"], "displayName": ..., "name": ...}
    actor = CHECKED.check(ISSUER.token({"typ": "at+jwt"}, **plain))
    assert actor.roles == {Role.ADMIN}
    assert actor.name == "ada@acme.example"


@pytest.mark.parametrize("seconds", [-20, 20])
def test_clocks_may_differ_by_half_a_minute(seconds: int) -> None:
    now = ISSUER.claims()["iat"]
    late, early = {"exp": now + seconds}, {"nbf": now + seconds, "exp": now + 60}
    assert CHECKED.check(ISSUER.token(**(late if seconds < 0 else early)))


@pytest.mark.parametrize(
    ("roles", "admin", "found"),
    [
        (None, False, set()),
        ([], True, {Role.ADMIN}),
        (["owner", "viewer"], False, {Role.OWNER, Role.VIEWER}),
        ([{"owner": "acme", "name": "owner"}], False, {Role.OWNER}),
        ([{"owner": "evil", "name": "owner"}], False, set()),
        ([{"owner": "acme", "name": "owner", "isEnabled": False}], False, set()),
        ([{"owner": "acme", "name": "superuser"}, 7, None, {}], False, set()),
        ("owner", False, set()),
        ([], "true", set()),
    ],
    ids=str,
)
def test_roles_are_those_of_ones_own_organisation(roles: Any, admin: Any, found: set[Role]) -> None:
    assert CHECKED.check(ISSUER.token(roles=roles, isAdmin=admin)).roles == found


def test_organisations_and_issuers_do_not_mix() -> None:
    acme, other = CHECKED.check(ISSUER.token()), CHECKED.check(ISSUER.token(owner="other"))
    assert acme.organization_id != other.organization_id
    assert organization_of("https://id.example/", "acme") == acme.organization_id
    assert organization_of("https://other.example", "acme") != acme.organization_id


def test_a_shared_application_of_casdoor_names_the_organisation() -> None:
    assert CHECKED.check(ISSUER.token(aud=[f"{CLIENT}-org-acme"])).name == "Ada Lovelace"


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "a" * LONGEST + ".b.c", "[" * 2000 + ".b.c", "é.é.é", "a.b"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    refused(text)
    with pytest.raises(Unauthenticated):
        CHECKED.ready(text)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_text_makes_the_check_fail_otherwise(one: str, two: str, three: str) -> None:
    head = ISSUER.token().partition(".")[0]
    for text in (f"{one}.{two}.{three}", f"{head}.{two}.{three}"):
        refused(text)


def test_keys_that_cannot_check_rs256_are_left_out() -> None:
    weak = {
        **jwk("cert-1"),
        "n": jwt.algorithms.RSAAlgorithm.to_jwk(key("weak", 1024).public_key(), as_dict=True)["n"],
    }
    others: list[Any] = [
        jwk("cert-1", use="enc"),
        jwk("cert-1", alg="RS512"),
        {**jwk("cert-1"), "kty": "oct", "k": "AAAA"},
        {**jwk("cert-1"), "n": "?"},
        {**jwk("cert-1"), "kid": None},
        weak,
        "text",
    ]
    assert set(read_keys({"keys": [*others, jwk("cert-2")]})) == {"cert-2"}
    for nothing in ({"keys": others}, {"keys": "text"}, {}):
        with pytest.raises(Transient, match="publishes no RS256 key"):
            read_keys(nothing)
