"""Git repositories of small apps, served by a real Git server."""

import subprocess
import textwrap
from pathlib import Path

SERVER = """
import asyncio, os, sys

VERSION = {version!r}

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            method, path = head.split(b" ", 2)[:2]
            length = 0
            for line in head.split(b"\\r\\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            posted = (await reader.readexactly(length)).decode()
            if path == b"/slow":
                await asyncio.sleep(0.5)
            if path == b"/exit":
                os._exit(3)
            said = VERSION + " " + os.environ.get("GREETING", "") + posted
            body = said.strip().encode()
            writer.write(
                b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body)
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()

async def main():
    server = await asyncio.start_server(serve, {host!r}, {port})
    print("listening", flush=True)
    await server.serve_forever()

{before}
asyncio.run(main())
"""
DOCKERFILE = """
FROM python:3.11-slim-bookworm
{build}
COPY app.py /app.py
EXPOSE 8000
USER 10001
CMD ["python3", "-u", "/app.py"]
"""


class Repository:
    """A bare repository one commits to."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._work = folder.with_suffix(".work")
        _git("init", "-q", "--bare", "-b", "main", str(folder), cwd=folder.parent)
        _git("clone", "-q", str(folder), str(self._work), cwd=folder.parent)
        _git("checkout", "-q", "-B", "main", cwd=self._work)

    def commit(self, files: dict[str, str], message: str = "change") -> str:
        """Write files, commit, push; the SHA."""
        for name, text in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        _git("add", "-A", cwd=self._work)
        author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        _git(*author, "commit", "-q", "--allow-empty", "-m", message, cwd=self._work)
        _git("push", "-q", "origin", "main", cwd=self._work)
        return _git("rev-parse", "HEAD", cwd=self._work).strip()

    def app(self, version: str, **how: object) -> str:
        """Commit a version of the small server."""
        return self.commit(app(version, **how), version)  # type: ignore[arg-type]


def app(
    version: str,
    *,
    build: str = "",
    before: str = "",
    host: str = "0.0.0.0",
    port: int = 8000,
) -> dict[str, str]:
    """A server that says its version; `build` are Dockerfile lines, `before` code at start."""
    server = SERVER.format(version=version, host=host, port=port, before=textwrap.dedent(before))
    return {"app.py": server, "Dockerfile": DOCKERFILE.format(build=build).lstrip()}


def _git(*arguments: str, cwd: Path) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True, timeout=60
    ).stdout
