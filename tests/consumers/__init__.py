"""Tests: consumers."""
