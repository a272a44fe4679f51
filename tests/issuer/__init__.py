"""Tests: the issuer of one machine."""
