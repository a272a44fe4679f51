"""The command line client of Click to Deploy. It speaks HTTP and knows nothing else."""

__version__ = "0.1.0"
