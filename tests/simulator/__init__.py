"""The simulated OpenStack."""
