"""What an instance is given and what it is kept from, asked from inside a real one."""

import re
import time
from pathlib import Path
from uuid import uuid4

import pytest

from infra.agent.edge.container import secret_values
from shared.domain.errors import InstanceFailed, Invalid
from shared.ports.compute import InstanceKind, InstanceState, VolumeMount
from tests.adapters.docker.conftest import FOREVER, PYTHON_IMAGE, DockerCloud, a_spec, until

pytestmark = [pytest.mark.docker, pytest.mark.enable_socket]

GRANTED = {
    "CHOWN": 0,
    "DAC_OVERRIDE": 1,
    "FOWNER": 3,
    "KILL": 5,
    "SETGID": 6,
    "SETUID": 7,
    "NET_BIND_SERVICE": 10,
}


def status_field(engine_cloud: DockerCloud, made: str, field: str) -> str:
    _, printed = engine_cloud.execute(made, "sh", "-c", f"grep {field}: /proc/1/status")
    return printed.split()[1]


def test_it_holds_only_the_granted_capabilities_and_gains_none(engine_cloud: DockerCloud) -> None:
    made = engine_cloud.run()
    mask = int(status_field(engine_cloud, made, "CapBnd"), 16)
    assert mask == sum(1 << bit for bit in GRANTED.values())
    assert status_field(engine_cloud, made, "NoNewPrivs") == "1"
    assert status_field(engine_cloud, made, "Seccomp") == "2"


@pytest.mark.parametrize(
    "forbidden",
    [
        "mount -t tmpfs none /mnt",
        "mknod /tmp/disk b 8 0",
        "chroot /",
        "echo 1 > /proc/sys/kernel/panic",
        "ip link set lo down || python3 -c 'import socket; socket.socket(17, 3)'",
        "python3 -c 'import socket; socket.socket(2, 3, 1)'",
    ],
)
def test_root_inside_may_not(engine_cloud: DockerCloud, forbidden: str) -> None:
    made = engine_cloud.run(image=PYTHON_IMAGE)
    assert engine_cloud.execute(made, "id", "-u") == (0, "0\n")
    code, printed = engine_cloud.execute(made, "sh", "-c", forbidden)
    assert code != 0
    assert re.search(r"(?i)not permitted|denied|read-only", printed), printed


def test_an_official_entrypoint_can_take_its_folder_and_step_down(
    engine_cloud: DockerCloud,
) -> None:
    """What nginx and postgres do: chown, chmod what is another's, become that user, bind 80."""
    steps = (
        "set -e; mkdir /var/mine; chown 101:101 /var/mine; chmod 700 /var/mine; touch /var/mine/x; "
        'exec python3 -c "import os, socket, time; s = socket.socket(); '
        "s.bind(('0.0.0.0', 80)); s.listen(); os.setgroups([]); os.setgid(101); os.setuid(101); "
        "open('/var/mine/y', 'w'); print('ready', os.getuid(), flush=True); time.sleep(300)\""
    )
    made = engine_cloud.run(image=PYTHON_IMAGE, command=steps, app_port=80)
    until(lambda: bool(engine_cloud.compute.logs(made, 10)))
    assert [line.text for line in engine_cloud.compute.logs(made, 10)] == ["ready 101"]
    # The init is root and the app is not: without KILL the signal would not arrive.
    began = time.monotonic()
    engine_cloud.compute.stop(made, 20)
    assert time.monotonic() - began < 10
    assert engine_cloud.compute.status(made).exit_code == 143


def test_it_shares_no_namespace_and_sees_no_socket_of_the_machine(
    engine_cloud: DockerCloud,
) -> None:
    made = engine_cloud.run()
    for namespace in ("net", "pid", "ipc", "uts", "mnt"):
        _, inside = engine_cloud.execute(made, "readlink", f"/proc/1/ns/{namespace}")
        assert inside.strip() != str(Path(f"/proc/self/ns/{namespace}").readlink())
    found = engine_cloud.api.inspect_container(made)
    assert found["Mounts"] == []
    assert found["HostConfig"]["Privileged"] is False
    _, sockets = engine_cloud.execute(made, "find", "/run", "/var/run/", "-type", "s")
    assert sockets == ""


def test_the_engine_never_restarts_it_and_bounds_its_log(engine_cloud: DockerCloud) -> None:
    host = engine_cloud.api.inspect_container(engine_cloud.run())["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "10m", "max-file": "3"},
    }
    assert host["OomScoreAdj"] > 0


def test_it_runs_under_an_init_that_reaps(engine_cloud: DockerCloud) -> None:
    made = engine_cloud.run()
    _, first = engine_cloud.execute(made, "cat", "/proc/1/comm")
    assert first.strip() == "docker-init"
    engine_cloud.execute(made, "sh", "-c", "(sleep 0 &) ; exec true")
    until(lambda: "Z" not in processes(engine_cloud, made))


def processes(engine_cloud: DockerCloud, made: str) -> str:
    _, states = engine_cloud.execute(
        made, "sh", "-c", "cat /proc/[0-9]*/stat | sed 's/.*) //' | cut -c1"
    )
    return states


def test_memory_has_a_limit_without_swap_and_the_kill_is_named(engine_cloud: DockerCloud) -> None:
    eat = "python3 -c 'x = bytearray(400 << 20)'"
    made = engine_cloud.run(
        image=PYTHON_IMAGE, command=f"exec {eat}", memory_mb=64, kind=InstanceKind.ONE_OFF
    )
    engine_cloud.until_exited(made)
    status = engine_cloud.compute.status(made)
    assert (status.exit_code, status.oom_killed) == (137, True)


def test_processes_have_a_limit(engine_cloud: DockerCloud) -> None:
    made = engine_cloud.run(pids=16)
    _, printed = engine_cloud.execute(
        made, "sh", "-c", "for i in $(seq 40); do sleep 20 & done; wait"
    )
    assert "ork" in printed, printed
    assert len(engine_cloud.api.top(made)["Processes"]) <= 16


def test_cpu_has_a_limit(engine_cloud: DockerCloud) -> None:
    """A tenth of a core burns about a tenth of the time it is given, whatever the machine does."""
    burn = (
        "import time; end = time.monotonic() + 2\n"
        "while time.monotonic() < end: pass\n"
        "print(time.process_time(), flush=True)"
    )
    made = engine_cloud.run(
        image=PYTHON_IMAGE, command=f'exec python3 -c "{burn}"', cpus=0.1, kind=InstanceKind.ONE_OFF
    )
    engine_cloud.until_exited(made)
    [line] = engine_cloud.compute.logs(made, 1)
    assert float(line.text) < 0.8


def test_the_root_can_be_read_only_with_room_for_scratch(engine_cloud: DockerCloud) -> None:
    made = engine_cloud.run(read_only_root=True)
    code, printed = engine_cloud.execute(made, "touch", "/etc/x")
    assert code != 0
    assert "Read-only" in printed
    assert engine_cloud.execute(made, "touch", "/tmp/x", "/run/x") == (0, "")


def test_values_reach_the_app_and_no_argument_list(engine_cloud: DockerCloud) -> None:
    canary = uuid4().hex
    made = engine_cloud.run(env={"PORT": "8000", "TOKEN": canary, "ODD": "a b'\"$\n=c"})
    _, printed = engine_cloud.execute(made, "sh", "-c", 'echo "$TOKEN|$ODD"')
    assert printed == f"{canary}|a b'\"$\n=c\n"
    seen = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            seen.append(entry.read_bytes())
        except OSError:
            continue  # it ended while we looked
    assert any(b"docker-init" in line for line in seen)
    assert not any(canary.encode() in line for line in seen)
    assert canary not in repr(a_spec(env={"TOKEN": canary}))


def test_a_stop_waits_for_the_app_and_kills_it_when_the_time_is_up(
    engine_cloud: DockerCloud,
) -> None:
    polite = engine_cloud.run(
        command="trap 'sleep 0.3; echo drained; exit 0' TERM; echo up; sleep 300 & wait"
    )
    deaf = engine_cloud.run(command="trap '' TERM; echo up; while :; do sleep 1; done")
    for made in (polite, deaf):
        until(lambda made=made: bool(engine_cloud.compute.logs(made, 1)))  # type: ignore[misc]
    engine_cloud.compute.stop(polite, 20)
    assert engine_cloud.compute.status(polite).exit_code == 0
    assert engine_cloud.compute.logs(polite, 1)[0].text == "drained"
    began = time.monotonic()
    engine_cloud.compute.stop(deaf, 1)
    assert 0.9 < time.monotonic() - began < 10
    assert engine_cloud.compute.status(deaf).exit_code == 137


def test_a_command_that_is_not_in_the_image_ends_with_127_and_says_so(
    engine_cloud: DockerCloud,
) -> None:
    made = engine_cloud.run(image=engine_cloud.fresh_image(), kind=InstanceKind.ONE_OFF)
    engine_cloud.until_exited(made)
    assert engine_cloud.compute.status(made).exit_code == 127
    [line] = engine_cloud.compute.logs(made, 1)
    assert line.stream == "stderr"
    assert "exec /bin/sh failed: No such file" in line.text


def test_an_image_that_cannot_be_started_fails_with_the_engines_sentence(
    engine_cloud: DockerCloud,
) -> None:
    image = engine_cloud.fresh_image(changes=["USER nobody-we-know"])
    made = engine_cloud.compute.create(a_spec(image=image))
    with pytest.raises(InstanceFailed, match="nobody-we-know"):
        engine_cloud.compute.start(made)
    status = engine_cloud.compute.status(made)
    assert status.state is InstanceState.EXITED
    assert status.exit_code != 0
    assert "nobody-we-know" in (status.error or "")


def test_limits_that_cannot_be_granted_are_refused(engine_cloud: DockerCloud) -> None:
    with pytest.raises(Invalid, match="CPUs"):
        engine_cloud.compute.create(a_spec(cpus=10_000))
    with pytest.raises(Invalid, match="memory"):
        engine_cloud.compute.create(a_spec(memory_mb=1))


def test_what_is_on_a_volume_outlives_the_instance(engine_cloud: DockerCloud) -> None:
    volume = engine_cloud.volumes.create_volume(uuid4(), {})
    mounts = (VolumeMount(volume, "/data"),)
    first = engine_cloud.run(command="echo kept > /data/x; exec sleep 300", volumes=mounts)
    until(lambda: engine_cloud.execute(first, "test", "-s", "/data/x")[0] == 0)
    engine_cloud.compute.stop(first, 5)
    engine_cloud.compute.remove(first)
    reader = (VolumeMount(volume, "/data", read_only=True),)
    second = engine_cloud.run(command=FOREVER, volumes=reader)
    assert engine_cloud.execute(second, "cat", "/data/x") == (0, "kept\n")
    assert engine_cloud.execute(second, "touch", "/data/y")[0] != 0


def test_an_anonymous_volume_goes_with_its_instance(engine_cloud: DockerCloud) -> None:
    """Images declare volumes; a deploy a day must not leave one a day behind."""
    image = engine_cloud.fresh_image(changes=["VOLUME /data"])
    made = engine_cloud.compute.create(a_spec(image=image))
    [mount] = engine_cloud.api.inspect_container(made)["Mounts"]
    engine_cloud.compute.remove(made)
    left = engine_cloud.api.volumes()["Volumes"] or []
    assert mount["Name"] not in {volume["Name"] for volume in left}


def test_the_agent_masks_exactly_the_variables_that_are_called_secret(
    engine_cloud: DockerCloud,
) -> None:
    values = {"API_KEY": "canary-91", "COLOUR": "ultramarine", "OTHER": "canary-92"}
    for names, masked in ((("API_KEY", "OTHER"), ["canary-91", "canary-92"]), ((), [])):
        made = engine_cloud.compute.create(a_spec(env=values, secret_names=names))
        config = engine_cloud.api.inspect_container(made)["Config"]
        assert sorted(secret_values(config, ())) == masked
