"""The checks of access tokens, as one machine and an identity provider need them."""

from functools import partial
from pathlib import Path

from shared.adapters.oidc.access_tokens import AccessTokens
from shared.adapters.oidc.claims import Rules, local_organization, organization_of
from shared.adapters.oidc.keys import KeyRing
from shared.adapters.oidc.sources import FileKeys, HttpKeys
from shared.settings import Settings


def configured(settings: Settings) -> AccessTokens | None:
    """As the settings say; None where nobody signs in but with an API token."""
    if settings.sign_in is None:
        return None
    if settings.signs_in == "local":
        return of_this_machine(*settings.sign_in, settings.issuer_keys)
    return of_provider(
        *settings.sign_in,
        keys_url=settings.oidc_jwks_url,
        organization_claim=settings.oidc_organization_claim,
        insecure=settings.oidc_insecure,
    )


def of_this_machine(issuer: str, client: str, keys: Path) -> AccessTokens:
    """Of the machine's own issuer, whose keys lie in a file."""
    rules = Rules(issuer, client, local_organization)
    return AccessTokens(rules, KeyRing(FileKeys(keys), pause=1))


def of_provider(
    issuer: str, client: str, *, keys_url: str | None, organization_claim: str, insecure: bool
) -> AccessTokens:
    """Of an identity provider, whose keys are fetched over HTTP."""
    rules = Rules(issuer, client, partial(organization_of, issuer), organization_claim)
    return AccessTokens(rules, KeyRing(HttpKeys(issuer, jwks_url=keys_url, insecure=insecure)))
