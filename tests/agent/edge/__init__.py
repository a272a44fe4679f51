"""Tests of the agent's edge role."""
