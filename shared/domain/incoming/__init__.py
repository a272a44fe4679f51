"""What providers deliver, read into our own events. Reading knows no network and no store."""
