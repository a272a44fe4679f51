"""Kills the platform's own process around one state's function, once, where a test says so.

`C2D_TEST_KILL` is `function:before` or `function:after`; `C2D_TEST_KILL_MARK` a file that says it
has happened. Loaded through PYTHONPATH by the platform the tests start, and by nothing else.
"""

import os
import signal
from pathlib import Path
from typing import Any


def _arm(where: str, mark: Path) -> None:
    from shared.adapters import local_lambda

    function, moment = where.split(":")
    invoke = local_lambda.invoke

    def die() -> None:
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def armed(name: str, payload: Any) -> dict[str, Any]:
        if name == function and moment == "before":
            die()
        answer = invoke(name, payload)
        if name == function and moment == "after":
            die()
        return answer

    local_lambda.invoke = armed


if "C2D_TEST_KILL" in os.environ:
    _arm(os.environ["C2D_TEST_KILL"], Path(os.environ["C2D_TEST_KILL_MARK"]))
