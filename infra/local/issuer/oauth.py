"""The endpoints for programs: discovery, keys, devices, tokens, signing out."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from infra.local.issuer import grants
from infra.local.issuer.authorization import SCOPES, known_scopes
from infra.local.issuer.grants import Redeemed, RefusedGrantError
from infra.local.issuer.parts import Form, Issuer, address_of
from infra.local.issuer.web import device_address
from shared.domain.access import LOCAL_CLIENT
from shared.http.deps import Store
from shared.ports.store import UnitOfWork

router = APIRouter(include_in_schema=False)
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


@router.get("/.well-known/openid-configuration")
async def discovery(issuer: Issuer) -> dict[str, Any]:
    """What there is and where (OpenID Connect Discovery)."""
    at = issuer.url
    return {
        "issuer": at,
        "authorization_endpoint": f"{at}/oauth/authorize",
        "token_endpoint": f"{at}/oauth/token",
        "device_authorization_endpoint": f"{at}/oauth/device",
        "revocation_endpoint": f"{at}/oauth/revoke",
        "jwks_uri": f"{at}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_GRANT],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": list(SCOPES),
        "claims_supported": ["sub", "name", "email", "owner", "roles", "isAdmin"],
    }


@router.get("/.well-known/jwks.json")
def keys(issuer: Issuer) -> dict[str, Any]:
    """The public keys: of what is signed now, and of what was signed before."""
    return issuer.signer.keys.published()


@router.post("/oauth/device")
def start_device(request: Request, given: Form, uow: Store, issuer: Issuer) -> Response:
    """Begin to sign a device in (RFC 8628)."""
    address = address_of(request)
    if given.get("client_id") != LOCAL_CLIENT:
        return _refused(RefusedGrantError("invalid_client", f"use the client {LOCAL_CLIENT}"))
    issuer.attempts.check(address)
    grant, device_code = grants.start_device(known_scopes(given.get("scope", "")), uow)
    code = str(grant.user_code)
    return _answer(
        {
            "device_code": device_code,
            "user_code": code,
            "verification_uri": f"{issuer.url}/device",
            "verification_uri_complete": device_address(issuer.url, code),
            "expires_in": int(grants.DEVICE_LIVES.total_seconds()),
            "interval": grants.POLL_SECONDS,
        }
    )


@router.post("/oauth/token")
def token(given: Form, uow: Store, issuer: Issuer) -> Response:
    """Exchange a code, a device's code or a refresh token."""
    try:
        return _answer(issuer.signer.answer(_redeemed(given, uow)))
    except RefusedGrantError as error:
        return _refused(error)


@router.post("/oauth/revoke")
def revoke(given: Form, uow: Store) -> Response:
    """End a sign-in by its refresh token (RFC 7009); one that is not known is no error."""
    grants.end(given.get("token", ""), uow)
    return _answer({})


def _redeemed(given: dict[str, str], uow: UnitOfWork) -> Redeemed:
    if given.get("client_id") != LOCAL_CLIENT:
        raise RefusedGrantError("invalid_client", f"use the client {LOCAL_CLIENT}")
    match given.get("grant_type"):
        case "authorization_code":
            return grants.redeem_code(
                given.get("code", ""),
                redirect_uri=given.get("redirect_uri", ""),
                verifier=given.get("code_verifier", ""),
                uow=uow,
            )
        case "refresh_token":
            return grants.refresh(given.get("refresh_token", ""), uow)
        case grant if grant == DEVICE_GRANT:
            return grants.redeem_device(given.get("device_code", ""), uow)
    raise RefusedGrantError("unsupported_grant_type", "there is no such grant type here")


def _answer(document: dict[str, Any]) -> Response:
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


def _refused(error: RefusedGrantError) -> Response:
    document = {"error": error.code, "error_description": error.sentence}
    return JSONResponse(document, 400, headers={"Cache-Control": "no-store"})
