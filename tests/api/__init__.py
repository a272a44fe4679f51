"""The whole API in one process, on a real database: what must hold for every operation."""
