"""Tests: usecases."""
