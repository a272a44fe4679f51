"""The agent as a wheel of its own: its modules and nothing else of the platform."""

import base64
import hashlib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from infra.agent_host.closure import ROOT, closure

NAME: Final = "click_to_deploy_agent"
PROGRAMS: Final = ("infra.agent.__main__", "infra.agent_host.router", "infra.local.firewall")
"""What runs on a host: the agent, the router's start, the packet filter."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644 << 16
_ABOUT: Final = """\
Metadata-Version: 2.1
Name: click-to-deploy-agent
Version: {version}
Summary: Builds, routes and watches for a Click to Deploy platform; dials out only.
Requires-Python: >=3.11
"""
_WHEEL: Final = """\
Wheel-Version: 1.0
Generator: click-to-deploy
Root-Is-Purelib: true
Tag: py3-none-any
"""
_PROGRAMS: Final = "[console_scripts]\nc2d-agent = infra.agent.__main__:main\n"


class NotPinnedError(Exception):
    """A package the agent imports has no tested version; the text names it."""


def build_wheel(folder: Path) -> Path:
    """Writes the wheel into `folder`; its path. The same sources give the same bytes.

    It is put together here: a wheel of pure Python is an archive with a list, and no build tool
    has to be there, nor a network. Raises NotPinnedError.
    """
    parts = closure(PROGRAMS)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    about = f"{NAME}-{version}.dist-info"
    metadata = _ABOUT.format(version=version)
    metadata += "".join(f"Requires-Dist: {each}\n" for each in pinned(parts.packages))
    files = {name: (ROOT / name).read_bytes() for name in parts.files}
    files[f"{about}/METADATA"] = metadata.encode()
    files[f"{about}/WHEEL"] = _WHEEL.encode()
    files[f"{about}/entry_points.txt"] = _PROGRAMS.encode()
    record = [f"{name},{_digest(content)},{len(content)}\n" for name, content in files.items()]
    files[f"{about}/RECORD"] = "".join([*record, f"{about}/RECORD,,\n"]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{NAME}-{version}-py3-none-any.whl"
    with ZipFile(wheel, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = ZipInfo(name, _EPOCH)
            entry.external_attr, entry.compress_type = _MODE, ZIP_DEFLATED
            archive.writestr(entry, content)
    return wheel


def pinned(packages: Iterable[str]) -> list[str]:
    """Requirements at the versions this repository is tested with. Raises NotPinnedError."""
    constraints = (ROOT / "constraints.txt").read_text()
    found = []
    for package in packages:
        line = re.search(rf"^{re.escape(package)}==\S+$", constraints, re.IGNORECASE | re.MULTILINE)
        if line is None:
            raise NotPinnedError(f"constraints.txt does not pin {package}")
        found.append(line[0])
    return found


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.rstrip(b'=').decode('ascii')}"
