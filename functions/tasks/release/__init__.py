"""Functions: tasks of the release workflow."""
