"""`python -m infra.generate` writes the generated files; `--check` only compares them."""

import sys

from infra.generate import events, openapi, stacks


def main() -> int:
    wanted = {**stacks.render(), **events.render(), **openapi.render()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    orphans = sorted(set(events.FOLDER.rglob("*.json")) - wanted.keys())
    if "--check" in sys.argv:
        for path in [*stale, *orphans]:
            print(f"{path} is not what the code says: run `make template`")
        return bool(stale or orphans)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    for path in orphans:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
