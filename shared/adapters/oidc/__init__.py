"""OpenID Connect: access tokens of one issuer, checked with its published keys."""
