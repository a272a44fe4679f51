"""What a command can refuse, said in one sentence."""


class RefusedError(Exception):
    """The command stopped; the message names the cause and the next step for a person."""
