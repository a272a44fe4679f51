"""Functions: consumers."""
