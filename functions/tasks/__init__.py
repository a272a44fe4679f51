"""Functions: tasks."""
