"""Nova: servers and what is attached to them."""
