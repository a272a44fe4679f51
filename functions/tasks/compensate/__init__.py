"""Functions: tasks of the compensate workflow."""
