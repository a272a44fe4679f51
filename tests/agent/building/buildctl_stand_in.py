"""Stands in for buildctl: refuses what its documented command line does not have.

Behind that it lets the Docker engine build, so that results are real. It leaves what it was
given in the file named by the environment variable RECORD.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

DOCKER = "/usr/bin/docker"
RECORD = Path(__file__).with_suffix(".json")


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{text} is not key=value")
    return key, value


def _attributes(text: str) -> dict[str, str]:
    return dict(_pair(part) for part in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="buildctl", allow_abbrev=False)
    parser.add_argument("--addr", required=True)
    build = parser.add_subparsers(dest="command", required=True).add_parser(
        "build", allow_abbrev=False
    )
    build.add_argument("--progress", choices=["auto", "plain", "tty", "rawjson"])
    build.add_argument("--frontend", choices=["dockerfile.v0", "gateway.v0"], required=True)
    build.add_argument("--opt", type=_pair, action="append", default=[])
    build.add_argument("--local", type=_pair, action="append", default=[])
    build.add_argument("--secret", type=_attributes, action="append", default=[])
    build.add_argument("--output", type=_attributes, required=True)
    build.add_argument("--metadata-file", type=Path)
    build.add_argument("--no-cache", action="store_true")
    return parser


def _checked(given: argparse.Namespace) -> None:
    assert given.addr.startswith(("unix://", "tcp://"))
    assert {key for key, _ in given.local} == {"context", "dockerfile"}
    assert all(Path(folder).is_dir() for _, folder in given.local)
    options = {"filename", "target", "source", "no-cache", "platform"}
    assert all(key in options or key.startswith("build-arg:") for key, _ in given.opt)
    for secret in given.secret:
        assert set(secret) == {"id", "src"}
        assert Path(secret["src"]).stat().st_mode & 0o077 == 0
    kind = given.output["type"]
    keys = {
        "docker": {"type", "name", "dest"},
        "image": {"type", "name", "push", "registry.insecure"},
    }
    assert set(given.output) <= keys[kind]


def _build(given: argparse.Namespace) -> int:
    local, options = dict(given.local), dict(given.opt)
    name = given.output["name"]
    argv = [DOCKER, "build", "--progress=plain", "--tag", name]
    argv += ["--file", str(Path(local["dockerfile"]) / options["filename"])]
    for key, value in options.items():
        if key.startswith("build-arg:"):
            argv += ["--build-arg", f"{key.removeprefix('build-arg:')}={value}"]
    for secret in given.secret:
        argv += ["--secret", f"id={secret['id']},src={secret['src']}"]
    if "target" in options:
        argv += ["--target", options["target"]]
    code = subprocess.run(
        [*argv, local["context"]], env={**os.environ, "DOCKER_BUILDKIT": "1"}, check=False
    ).returncode
    return code or _export(given, name)


def _export(given: argparse.Namespace, name: str) -> int:
    if given.output["type"] == "docker":
        subprocess.run([DOCKER, "save", "--output", given.output["dest"], name], check=True)
        return 0
    pushed = subprocess.run([DOCKER, "push", name], capture_output=True, text=True, check=False)
    if pushed.returncode:
        sys.stderr.write(f"error: failed to solve: failed to push {name}: {pushed.stderr}")
        return 1
    digest = pushed.stdout.split("digest: ")[1].split()[0]
    given.metadata_file.write_text(json.dumps({"containerimage.digest": digest}))
    return 0


def main() -> int:
    given = _parser().parse_args()
    _checked(given)
    RECORD.write_text(json.dumps(sys.argv[1:]))
    return _build(given)


if __name__ == "__main__":
    sys.exit(main())
