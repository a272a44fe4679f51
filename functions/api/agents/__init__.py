"""Endpoints: agents."""
