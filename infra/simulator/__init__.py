"""An OpenStack to try things against: stateful, asynchronous and able to fail on demand."""
