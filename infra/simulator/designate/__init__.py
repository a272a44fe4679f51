"""Designate: zones and recordsets."""
