"""Endpoints: variables."""
