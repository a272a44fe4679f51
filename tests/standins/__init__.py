"""Servers that stand in for vendors: stateful, on loopback, held to the vendors' contracts."""
