"""Functions: api."""
