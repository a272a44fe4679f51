"""Caddy as the router: its one static configuration, its folder, its start command."""
