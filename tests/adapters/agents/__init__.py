"""Ports behind an agent."""
