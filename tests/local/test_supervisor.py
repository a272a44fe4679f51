"""The supervisor over real processes: order, restarts, adoption, and stopping only its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import lifecycle, processes
from infra.local.errors import RefusedError
from infra.local.settings import read_settings
from infra.local.supervisor import Supervisor
from tests.local.harness import Platform, eventually

SLEEP = ["sleep", "600"]


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_components_start_one_after_the_other_is_ready(platform: Platform) -> None:
    gate = platform.state.home / "gate"
    platform.plan(
        {"name": "first", "argv": SLEEP, "ready_file": str(gate)},
        {"name": "second", "argv": SLEEP},
    )
    platform.start()
    platform.await_phase("first", "starting")
    assert platform.phase("second") == "waiting"
    gate.touch()
    platform.await_phase("second", "ready")
    assert platform.phase("first") == "ready"


def test_what_dies_is_started_again(platform: Platform) -> None:
    platform.plan({"name": "app", "argv": SLEEP})
    platform.start()
    platform.await_phase("app", "ready")
    first = platform.identity("app")
    first.send(signal.SIGKILL)
    eventually(lambda: not first.alive(), "the first life ends")
    eventually(lambda: processes.recorded(platform.state.run / "app.pid") is not None, "a second")
    platform.await_phase("app", "ready")
    assert platform.pid("app") != first.pid
    assert "was killed by signal 9" in platform.log()


def test_a_component_that_keeps_dying_is_named_with_its_exit_code(platform: Platform) -> None:
    platform.plan({"name": "app", "argv": shell("exit 3")})
    platform.start()
    platform.await_phase("app", "restarting")
    reason = lifecycle.standings(platform.state)["app"]["reason"]
    assert reason == "ended with exit code 3"


def test_a_command_that_does_not_exist_is_a_reason_and_stops_nothing(platform: Platform) -> None:
    platform.plan({"name": "ok", "argv": SLEEP}, {"name": "bad", "argv": ["/no/such/program"]})
    platform.start()
    platform.await_phase("bad", "restarting")
    assert "/no/such/program" in str(lifecycle.standings(platform.state)["bad"]["reason"])
    assert platform.phase("ok") == "ready"


def test_a_step_that_runs_once_is_repeated_until_it_succeeds(platform: Platform) -> None:
    flag, count = platform.state.home / "flag", platform.state.home / "count"
    platform.plan(
        {"name": "step", "argv": shell(f"echo x >> {count}; test -e {flag}"), "once": True},
        {"name": "app", "argv": SLEEP},
    )
    platform.start()
    eventually(lambda: count.exists() and len(count.read_text()) >= 4, "two attempts")
    assert platform.phase("app") == "waiting"
    flag.touch()
    platform.await_phase("app", "ready")
    assert platform.phase("step") == "finished"


def test_a_killed_supervisor_leaves_components_and_the_next_adopts_them(
    platform: Platform,
) -> None:
    platform.plan({"name": "app", "argv": SLEEP})
    supervisor = platform.start()
    platform.await_phase("app", "ready")
    app = platform.identity("app")
    supervisor.send(signal.SIGKILL)
    assert supervisor.wait(10)
    platform.reap()
    assert app.alive()
    platform.start()
    platform.await_phase("app", "ready")
    assert platform.identity("app") == app
    app.send(signal.SIGKILL)
    assert app.wait(10)
    eventually(lambda: processes.recorded(platform.state.run / "app.pid") is not None, "restart")


def test_a_supervisor_replaced_in_place_keeps_components_and_collects_them(
    platform: Platform,
) -> None:
    platform.plan({"name": "app", "argv": SLEEP})
    supervisor = platform.start()
    platform.await_phase("app", "ready")
    app = platform.identity("app")
    platform.order(do="replace")
    eventually(lambda: platform.log().count("app: ready") == 2, "the new one adopts")
    assert supervisor.alive()
    assert platform.identity("app") == app
    app.send(signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{app.pid}").exists(), "the killed child is collected")


def test_down_stops_everything_in_the_opposite_order(platform: Platform) -> None:
    log = platform.state.home / "order"
    script = "trap 'echo {0} >> " + str(log) + "; exit 0' TERM; while :; do sleep 0.05; done"
    platform.plan(
        {"name": "first", "argv": shell(script.format("first"))},
        {"name": "second", "argv": shell(script.format("second"))},
    )
    supervisor = platform.start()
    platform.await_phase("second", "ready")
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait(20)
    assert log.read_text().split() == ["second", "first"]
    assert not (platform.state.run / "first.pid").exists()


def test_a_component_that_ignores_the_request_is_killed_after_its_grace(
    platform: Platform,
) -> None:
    script = "trap '' TERM; while :; do sleep 0.05; done"
    platform.plan({"name": "stubborn", "argv": shell(script), "grace_seconds": 0.3})
    supervisor = platform.start()
    platform.await_phase("stubborn", "ready")
    identity = platform.identity("stubborn")
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait(20)
    assert not identity.alive()


def test_what_a_killed_component_left_behind_is_killed_too(platform: Platform) -> None:
    child = platform.state.home / "child"
    script = f"setsid sleep 600 & echo $! > {child}; wait"
    platform.plan({"name": "agent", "argv": shell(script)})
    platform.start()
    platform.await_phase("agent", "ready")
    eventually(lambda: child.exists() and child.read_text().strip() != "", "the child starts")
    orphan = processes.identify(int(child.read_text()))
    assert orphan is not None
    child.unlink()
    platform.identity("agent").send(signal.SIGKILL)
    eventually(lambda: not orphan.alive(), "the orphan is killed")


def test_a_restart_waits_for_the_work_in_hand(platform: Platform) -> None:
    done = platform.state.home / "done"
    script = f"trap 'sleep 0.5; echo x > {done}; exit 0' TERM; while :; do sleep 0.05; done"
    platform.plan({"name": "agent", "argv": shell(script)})
    platform.start()
    platform.await_phase("agent", "ready")
    before = platform.identity("agent")
    assert platform.order(do="restart", component="agent") == {"ready": True}
    assert done.exists()
    assert platform.identity("agent") != before


def test_down_during_a_long_drain_does_not_wait_for_it(platform: Platform) -> None:
    script = "trap 'sleep 600 & wait' TERM; while :; do sleep 0.05; done"
    plan = {"name": "agent", "argv": shell(script), "drain_seconds": 600, "grace_seconds": 0.2}
    platform.plan(plan)
    supervisor = platform.start()
    platform.await_phase("agent", "ready")
    asked = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from infra.local.control import ask; "
            "from pathlib import Path; ask(Path(sys.argv[1]), "
            "{'do': 'restart', 'component': 'agent'}, 60)",
            str(platform.state.run / "control.sock"),
        ],
        stderr=subprocess.DEVNULL,
    )
    platform.await_phase("agent", "draining")
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait(20)
    asked.kill()
    asked.wait()


def test_what_survives_is_left_running_by_down(platform: Platform) -> None:
    platform.plan({"name": "dockerd", "argv": SLEEP, "survives": True})
    supervisor = platform.start()
    platform.await_phase("dockerd", "ready")
    engine = platform.identity("dockerd")
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait(20)
    assert engine.alive()


def test_a_second_supervisor_for_the_same_folder_is_refused(platform: Platform) -> None:
    platform.plan({"name": "app", "argv": SLEEP})
    platform.start()
    with pytest.raises(RefusedError, match="already runs"):
        Supervisor(platform.state.home, [], "other").run()


def test_down_stops_the_orphans_of_a_killed_supervisor_and_nothing_else(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.plan({"name": "agent", "argv": SLEEP})
    supervisor = platform.start()
    platform.await_phase("agent", "ready")
    agent = platform.identity("agent")
    stranger = subprocess.Popen(SLEEP)
    try:
        supervisor.send(signal.SIGKILL)
        assert supervisor.wait(10)
        platform.reap()
        environment = {"C2D_HOME": str(platform.state.home)}
        lifecycle.down(read_settings(environment), services=False)
        assert not agent.alive()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pidfile_of_another_process_with_the_same_number_is_ignored(platform: Platform) -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    stale = processes.Identity(own.pid, own.started - 1, own.boot)
    processes.record(platform.state.run / "agent.pid", stale)
    assert processes.recorded(platform.state.run / "agent.pid") is None
    stale.send(signal.SIGKILL)


def test_an_unknown_order_is_an_error_that_names_it(platform: Platform) -> None:
    platform.plan({"name": "app", "argv": SLEEP})
    platform.start()
    with pytest.raises(RefusedError, match="dance"):
        platform.order(do="dance")


def test_waiting_for_a_component_that_keeps_ending_shows_the_end_of_its_log(
    platform: Platform,
) -> None:
    platform.plan({"name": "app", "argv": shell("echo the disk is on fire; exit 3")})
    platform.start()
    with pytest.raises(RefusedError, match="the disk is on fire") as refused:
        lifecycle.wait_for(platform.state, ["app"], 60)
    assert "ended with exit code 3" in str(refused.value)
