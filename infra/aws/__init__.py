"""Commands for the platform on AWS."""
