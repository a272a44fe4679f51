"""The SDK's way to the engine's socket, made safe between threads."""

import socket
from collections.abc import Mapping
from typing import Any

from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool

BASE = "http+docker://localhost"


class _Connection(UnixHTTPConnection):
    """Closes the socket when nobody answers on it; the SDK leaves that to the collector."""

    def connect(self) -> None:
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connecting.settimeout(self.timeout)
        try:
            connecting.connect(self.unix_socket)
        except OSError:
            connecting.close()
            raise
        self.sock = connecting


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:
        timeout: Any = self.timeout  # set again by each request
        return _Connection(self.base_url, self.socket_path, timeout)


class OnePool(UnixHTTPAdapter):
    """The SDK keeps a pool per URL and closes the oldest, whoever has just taken it.

    One pool for the socket is safe between threads and lets calls share warm connections.
    """

    def __init__(self, socket_url: str, timeout: int, max_pool_size: int) -> None:
        super().__init__(socket_url, timeout, max_pool_size=max_pool_size)
        self._pool = _Pool(BASE, self.socket_path, timeout, maxsize=max_pool_size)

    def get_connection(self, url: str | bytes, proxies: Mapping[str, str] | None = None) -> Any:
        del url, proxies
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()
