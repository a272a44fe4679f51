"""Kills a process around one state's function, once, where a test says so.

The file named by `C2D_TEST_KILL` holds `function:before` or `function:after` and the number of
the process, 0 for the platform's own; it is gone once the kill has happened. Loaded through
PYTHONPATH by the platform the tests start, and by nothing else.
"""

import os
import signal
from pathlib import Path
from typing import Any


def _arm(order: Path) -> None:
    from shared.adapters import local_lambda

    invoke = local_lambda.invoke

    def die_if(moment: str) -> None:
        wanted, _, pid = order.read_text().partition(" ") if order.exists() else ("", "", "")
        if wanted == moment:
            order.unlink()
            os.kill(int(pid) or os.getpid(), signal.SIGKILL)

    def armed(name: str, payload: Any) -> dict[str, Any]:
        die_if(f"{name}:before")
        answer = invoke(name, payload)
        die_if(f"{name}:after")
        return answer

    local_lambda.invoke = armed


if "C2D_TEST_KILL" in os.environ:
    _arm(Path(os.environ["C2D_TEST_KILL"]))
