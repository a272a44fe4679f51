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


def _hand_out(login: Path) -> None:
    from shared.usecases import building

    build_secrets = building.build_secrets

    def with_login(*positional: Any, **named: Any) -> dict[str, Any]:
        user, password = login.read_text().split("\n")
        git = {"username": user, "password": password}
        return {**build_secrets(*positional, **named), "git": git}

    building.build_secrets = with_login


if "C2D_TEST_GIT_LOGIN" in os.environ:
    _hand_out(Path(os.environ["C2D_TEST_GIT_LOGIN"]))
if "C2D_TEST_KILL" in os.environ:
    _arm(Path(os.environ["C2D_TEST_KILL"]))
