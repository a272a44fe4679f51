"""Endpoints: services."""
