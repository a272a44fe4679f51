"""Tests: sam."""
