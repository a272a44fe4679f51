"""Reading the kernel's socket tables."""

import socket

import pytest

from infra.agent.edge.sockets import Listener, connections_to, listeners

_TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0B00007F:9A2B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   2: 0100007F:1F40 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   3: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A
   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A
   2: 0000000000000000FFFF00000100007F:0052 0000000000000000FFFF000000000000:0000 0A
   3: damaged
"""


def test_listeners_are_read_from_both_tables_without_dockers_name_server() -> None:
    found = listeners(_TABLE)
    assert set(found) == {
        Listener("0.0.0.0", 8000),
        Listener("127.0.0.1", 3000),
        Listener("::", 80),
        Listener("::1", 81),
        Listener("127.0.0.1", 82),
    }
    assert {listener.port for listener in found if listener.loopback} == {3000, 81, 82}


@pytest.mark.parametrize("dialled", ["127.65.9.1", "::ffff:127.65.9.1"])
def test_open_connections_to_a_target_are_counted_from_the_dialling_side(dialled: str) -> None:
    with socket.create_server(("127.65.9.1", 0)) as server:
        port = server.getsockname()[1]
        target, other = f"127.65.9.1:{port}", "127.65.9.2:1"
        assert connections_to([target, other]) == {target: 0, other: 0}
        with socket.create_connection((dialled, port)) as client:
            accepted, _ = server.accept()
            assert connections_to([target, other]) == {target: 1, other: 0}
            accepted.close()
            assert client.recv(1) == b""
            assert connections_to([target]) == {target: 0}
