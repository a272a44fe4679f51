"""Endpoints: canvas."""
