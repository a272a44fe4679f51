"""Endpoints: deliveries of webhooks."""
