"""Functions: edge."""
