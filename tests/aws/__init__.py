"""Tests: aws."""
