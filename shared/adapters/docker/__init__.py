"""A Docker engine behind the compute ports."""
