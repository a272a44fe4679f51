"""Entities, their transitions and the errors: the standard library only."""
