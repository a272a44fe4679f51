"""Endpoints: rollback."""
