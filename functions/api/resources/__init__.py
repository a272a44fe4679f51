"""Endpoints: resources."""
