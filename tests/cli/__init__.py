"""The command line client, against a control plane in memory and as a real process."""
