"""Where this machine gets its packages from, read from its own apt sources."""

import re
from pathlib import Path

from infra.local.errors import RefusedError

_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s")


def _stanzas(text: str) -> list[dict[str, str]]:
    """The fields of a deb822 file, one mapping per paragraph."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        fields = {name.strip().lower(): value.strip() for name, value in pairs}
        if fields:
            found.append(fields)
    return found


def _candidates(root: Path) -> list[tuple[str, str]]:
    found = []
    for path in sorted((root / "sources.list.d").glob("*.sources")):
        for fields in _stanzas(path.read_text()):
            if "deb" in fields.get("types", "").split() and fields.get("enabled") != "no":
                for uri in fields.get("uris", "").split():
                    found += [(uri, suite) for suite in fields.get("suites", "").split()]
    lists = [root / "sources.list", *sorted((root / "sources.list.d").glob("*.list"))]
    for path in lists:
        if path.exists():
            matches = filter(None, map(_LINE.match, path.read_text().splitlines()))
            found += [(match["uri"], match["suite"]) for match in matches]
    return found


def debian_mirror(suite: str, root: Path = Path("/etc/apt")) -> str:
    """The address of the Debian archive with this suite.

    Raises RefusedError when the machine knows none; C2D_DEBIAN_MIRROR names one by hand.
    """
    for uri, known in _candidates(root):
        if known == suite:
            return uri
    raise RefusedError(
        f"This machine's apt sources name no archive with {suite}; set C2D_DEBIAN_MIRROR to the "
        "address of a Debian mirror, or allow image pulls."
    )
