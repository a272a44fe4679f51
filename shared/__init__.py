"""The library behind every function."""

VERSION = "0.1.0"
