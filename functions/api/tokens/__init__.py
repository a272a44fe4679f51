"""Endpoints: tokens."""
