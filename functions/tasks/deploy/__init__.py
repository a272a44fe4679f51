"""Functions: tasks of the deploy workflow."""
