"""Where tasks, consumers and schedules meet Lambda and the local platform."""
