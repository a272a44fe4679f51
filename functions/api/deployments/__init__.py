"""Endpoints: deployments."""
