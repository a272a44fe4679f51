"""One file, one Lambda."""
