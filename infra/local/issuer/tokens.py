"""What the issuer signs: access tokens in Casdoor's shape, ID tokens."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from infra.local.issuer.grants import Redeemed
from infra.local.issuer.keys import SigningKeys
from shared.domain.access import LOCAL_OWNER, Role
from shared.domain.ids import now
from shared.domain.sign_in import Member

ACCESS_SECONDS: Final = 900
"""Short, as nobody asks the database about an access token: a removed member's ends by itself."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs in the name of the issuer at that address."""

    issuer: str
    keys: SigningKeys

    def answer(self, redeemed: Redeemed) -> dict[str, Any]:
        """What the token endpoint answers."""
        grant, member = redeemed.grant, redeemed.member
        said = {**self._common(grant.client_id, member), "scope": grant.scope}
        answer = {
            "access_token": self.keys.sign({**said, **_access(grant.client_id, member)}, "at+jwt"),
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "refresh_token": redeemed.refresh_token,
            "scope": grant.scope,
        }
        if "openid" in grant.scope.split():
            nonce = {"nonce": grant.nonce} if grant.nonce else {}
            answer["id_token"] = self.keys.sign(
                {**said, **nonce, "tokenType": "id-token", "email_verified": False}, "JWT"
            )
        return answer

    def _common(self, client_id: str, member: Member) -> dict[str, Any]:
        at = int(now().timestamp())
        return {
            "iss": self.issuer,
            "sub": str(member.id),
            "aud": [client_id],
            "azp": client_id,
            "iat": at,
            "nbf": at,
            "exp": at + ACCESS_SECONDS,
            "name": member.name,
            "email": member.email,
        }


def _access(client_id: str, member: Member) -> dict[str, Any]:
    """Casdoor's claims, so that one check serves both."""
    return {
        "jti": f"{LOCAL_OWNER}/{uuid4()}",
        "client_id": client_id,
        "owner": LOCAL_OWNER,
        "id": str(member.id),
        "displayName": member.name,
        "isAdmin": member.role in {Role.OWNER, Role.ADMIN},
        "roles": [{"owner": LOCAL_OWNER, "name": str(member.role), "isEnabled": True}],
        "tokenType": "access-token",
    }
