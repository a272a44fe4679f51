"""The OpenID Connect issuer of one machine: members, sign-in pages, tokens."""
