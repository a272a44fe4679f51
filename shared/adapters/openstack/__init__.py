"""OpenStack over its own HTTP interfaces."""
