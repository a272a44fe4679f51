"""The library behind every function."""
