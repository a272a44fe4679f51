"""Endpoints: previews."""
