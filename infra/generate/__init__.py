"""What is written from the code, committed, and compared in checks."""
