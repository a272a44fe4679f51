"""`python -m infra.agent`: takes jobs from a control plane and does them on this machine."""

import argparse
import faulthandler
import gc
import os
import signal
import sys
import threading
from contextlib import ExitStack, closing
from types import FrameType

from infra.agent.control import ControlPlane
from infra.agent.roles import Roles, take_roles
from infra.agent.settings import HELP, BadSettings, Settings, read_settings
from infra.agent.slots import Slots
from infra.agent.worker import Worker
from infra.agent.workspace import Workspace, memory_folder

_EXIT_USAGE = 64


def main(argv: list[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; a second signal does not wait for running jobs."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.agent",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    try:
        settings = read_settings()
    except BadSettings as error:
        sys.stderr.write(f"{error}. See python -m infra.agent --help.\n")
        return _EXIT_USAGE
    faulthandler.enable()
    os.umask(0o077)
    _serve(settings)
    return 0


def _serve(settings: Settings) -> None:
    with ExitStack() as stack:
        workspace = stack.enter_context(closing(Workspace(settings.folder)))
        vault = stack.enter_context(closing(Workspace(memory_folder(settings))))
        control = stack.enter_context(closing(ControlPlane(settings.url, settings.token)))
        roles = take_roles(settings, workspace, vault)
        worker = Worker(
            control,
            roles.handlers,
            name=settings.name,
            slots=Slots(settings.home / "agent" / "slots", settings.builds),
            poll_seconds=settings.poll_seconds,
        )
        _obey_signals(worker, roles)
        # What is loaded by now stays: no full collection needs to look at it while a job waits.
        gc.collect()
        gc.freeze()
        done = ", ".join(settings.roles)
        sys.stderr.write(f"agent {settings.name} ({done}) works for {settings.url}\n")
        worker.run(settings.drain_seconds)


def _obey_signals(worker: Worker, roles: Roles) -> None:
    asked = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            worker.abort()
        else:
            asked.set()
            worker.stop()
            roles.close()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
