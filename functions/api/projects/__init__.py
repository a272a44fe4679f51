"""Endpoints: projects."""
