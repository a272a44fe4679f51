"""Endpoints: agent_jobs."""
