"""Releases of the platform itself on AWS."""
