"""A supervisor over the components of a `plan.json`: the real one with other commands."""

import json
import os
import signal
import sys
from pathlib import Path

from infra.local.components import Component, always_ready
from infra.local.supervisor import Supervisor


def _component(plan: dict[str, object]) -> Component:
    ready_file = plan.get("ready_file")

    def ready() -> str | None:
        if ready_file is None or Path(str(ready_file)).exists():
            return None
        return f"{ready_file} is missing"

    argv = plan["argv"]
    assert isinstance(argv, list)
    return Component(
        name=str(plan["name"]),
        argv=tuple(str(part) for part in argv),
        environment={"PATH": os.environ["PATH"]},
        ready=always_ready if ready_file is None else ready,
        ready_seconds=float(str(plan.get("ready_seconds", 10))),
        grace_seconds=float(str(plan.get("grace_seconds", 5))),
        drain_seconds=float(str(plan.get("drain_seconds", 5))),
        stop_signal=signal.Signals(int(str(plan.get("stop_signal", 15)))),
        once=bool(plan.get("once", False)),
        survives=bool(plan.get("survives", False)),
    )


def main(home: Path) -> None:
    plans = json.loads((home / "plan.json").read_text())
    argv = [sys.executable, "-m", "tests.local.stand_in_supervisor", str(home)]
    Supervisor(home, [_component(plan) for plan in plans], f"test-{home.name}", argv).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
