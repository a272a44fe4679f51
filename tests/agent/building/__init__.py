"""Tests of the build role."""
