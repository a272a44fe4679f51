"""Endpoints of connected Git accounts and their repositories."""
