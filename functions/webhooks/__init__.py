"""Functions: webhooks of Git providers."""
