"""Functions: tasks of the rollback workflow."""
