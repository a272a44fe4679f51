"""Tests: OpenID Connect."""
