"""Ports served by real things."""
