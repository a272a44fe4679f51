"""The platform on one machine: start, stop, upgrade, back up and restore it."""
