"""Endpoints: how to sign in."""
