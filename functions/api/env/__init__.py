"""Endpoints: env."""
