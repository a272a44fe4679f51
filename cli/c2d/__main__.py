"""`c2d`, also as `python -m c2d`."""

import os

from c2d.app import app


def main() -> None:
    """Run one command and exit with its code."""
    if "_C2D_COMPLETE" in os.environ:
        from c2d.commands.completion import prepare  # noqa: PLC0415 - only a shell's <TAB> needs it

        prepare()
    app(prog_name="c2d")


if __name__ == "__main__":
    main()
