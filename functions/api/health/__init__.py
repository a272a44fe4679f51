"""Endpoints: health."""
