"""What the platform writes of itself."""
