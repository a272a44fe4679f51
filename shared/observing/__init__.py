"""What the platform says of itself while it works: log lines that carry ids, and metrics."""
