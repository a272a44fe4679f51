"""Tests: endpoints."""
