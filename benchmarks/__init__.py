"""Measurements of the platform against named floors; each says what it compares."""
