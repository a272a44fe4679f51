"""What people and workflows can do, as functions over ports."""
