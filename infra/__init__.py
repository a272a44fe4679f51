"""What runs around the functions."""
