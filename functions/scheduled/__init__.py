"""Functions: scheduled."""
