"""What makes a machine a host of the agent: a wheel, units, an image, user data."""
