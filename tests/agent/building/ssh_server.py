"""An SSH server in a process of its own: `python -m tests.agent.building.ssh_server ROOT`.

Runs git-upload-pack for one client key, prints what a client needs as one line of JSON, and ends
with its standard input.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncssh

from tests.agent.building.git_servers import GIT_ENV


async def _session(root: Path, process: Any) -> None:
    command, _, path = (process.command or "").partition(" ")
    assert command == "git-upload-pack"
    child = await asyncio.create_subprocess_exec(
        *("git", "upload-pack", str(root / path.strip("'").lstrip("/"))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=GIT_ENV,
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    process.exit(await child.wait())


async def _serve(root: Path) -> None:
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    authorized = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=authorized,
        process_factory=lambda process: _session(root, process),
        encoding=None,
    )
    said = {
        "port": server.get_port(),
        "host_key": host_key.export_public_key().decode(),
        "private_key": client_key.export_private_key().decode(),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
