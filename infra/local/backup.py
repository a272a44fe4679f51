"""Backup into one file and restore from it: the database, the keys and the routing table."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from infra.local.errors import RefusedError
from infra.local.lifecycle import running_supervisor
from infra.local.postgres import Cluster, create_database, open_cluster, postgres_component, probe
from infra.local.postgres_binaries import Installation, installations
from infra.local.settings import LocalSettings
from infra.local.state import State, create_state
from shared import VERSION

FORMAT, DUMP, MANIFEST = 1, "database.dump", "manifest.json"
KEPT = ("keys", "platform-id", "credentials.json", "edge/routes", "edge/caddy/verify-secret")
DUMP_SECONDS = 3600
NOT_INCLUDED = (
    "contents of volumes, images of releases (where they are gone, deploy instead of rolling "
    "back), build caches and the platform's log files"
)


def backup(settings: LocalSettings, target: Path) -> None:
    """Write a backup; the platform may run meanwhile, the database is one consistent moment.

    Raises RefusedError when the database cannot be read or the file exists.
    """
    state = State(settings.home)
    if not state.platform_id.exists():
        raise RefusedError(f"There is no platform in {state.home}.")
    if target.exists():
        raise RefusedError(f"{target} exists; name another file.")
    part = target.with_name(f".{target.name}.part")
    with tempfile.TemporaryDirectory(dir=state.run) as folder, database_of(settings, state) as url:
        dump = Path(folder) / DUMP
        major = _server_major(url)
        _run(_programs(major).program("pg_dump"), ["--format=custom", f"--file={dump}", url])
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            members = {DUMP: dump, **dict(_members(state.home))}
            _add_manifest(tar, state, major, members)
            for name, path in members.items():
                tar.add(path, arcname=name, recursive=False)
    part.replace(target)
    print(f"Wrote {target} ({target.stat().st_size // 1024} KiB), readable by its owner only.")
    print(f"It holds the keys: keep it as safe as them. Not included: {NOT_INCLUDED}.")


def _members(home: Path) -> Iterator[tuple[str, Path]]:
    for kept in KEPT:
        top = home / kept
        found = sorted(top.rglob("*")) if top.is_dir() else [top] if top.exists() else []
        for path in found:
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(home)), path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add_manifest(
    tar: tarfile.TarFile, state: State, major: int, members: Mapping[str, Path]
) -> None:
    manifest = {
        "format": FORMAT,
        "platform_id": state.platform_id.read_text().strip(),
        "version": VERSION,
        "postgres": major,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "not_included": NOT_INCLUDED,
        "files": {name: _digest(path) for name, path in members.items()},
    }
    content = json.dumps(manifest, indent=1).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
    tar.addfile(entry, io.BytesIO(content))


def restore(settings: LocalSettings, source: Path, force: bool) -> None:
    """Bring a backup into an empty state folder; nothing is changed before it is checked.

    force: what is in the state folder is moved aside, not deleted.
    """
    state = State(settings.home)
    if running_supervisor(state) is not None:
        raise RefusedError("The platform runs; stop it first with `make down`.")
    if state.platform_id.exists() and not force:
        raise RefusedError(f"{state.home} holds a platform already; --force moves it aside first.")
    state.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state.home, prefix=".restore-") as name:
        unpacked = Path(name)
        manifest = _unpack(source, unpacked)
        _check(source, manifest, unpacked)
        if force:
            _move_aside(state)
        for kept in KEPT:
            if (unpacked / kept).exists():
                (state.home / kept).parent.mkdir(parents=True, exist_ok=True)
                (unpacked / kept).rename(state.home / kept)
        create_state(state, settings.api_url)
        _load(settings, state, unpacked / DUMP)
    print(f"Restored {source} from {manifest['made_at']} into {state.home}; run `make up`.")
    print(f"Not restored: {NOT_INCLUDED}. Services whose image is")
    print("still on this machine start with the platform, others with their next deployment.")


def _unpack(source: Path, folder: Path) -> dict[str, object]:
    try:
        with tarfile.open(source, "r:gz") as tar:
            for member in tar:
                _unpack_member(tar, member, folder)
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, EOFError, ValueError, tarfile.TarError) as error:
        raise RefusedError(f"{source} is not a backup of this platform: {error}.") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise RefusedError(f"{source} has no list of its files.")
    return manifest


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one plain file below the folder; anything else is no part of a backup."""
    content, name = tar.extractfile(member), Path(member.name)
    if not member.isfile() or content is None or name.is_absolute() or ".." in name.parts:
        raise ValueError(f"it holds {member.name!r}, which no backup holds")
    target = folder / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file)


def _check(source: Path, manifest: dict[str, object], folder: Path) -> None:
    """Refuse a backup that this version cannot bring back whole."""
    if manifest.get("format") != FORMAT:
        raise RefusedError(
            f"{source} has backup format {manifest.get('format')}, this version reads {FORMAT}; "
            f"use the version that wrote it ({manifest.get('version')})."
        )
    newest = max((one.major for one in installations()), default=0)
    if int(str(manifest["postgres"])) > newest:
        raise RefusedError(
            f"{source} is from PostgreSQL {manifest['postgres']}, newer than the {newest} here; "
            f"install postgresql-{manifest['postgres']} and try again."
        )
    files = manifest["files"]
    for name, digest in files.items() if isinstance(files, dict) else ():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise RefusedError(f"{source} is damaged: {name} is missing or differs.")


def _move_aside(state: State) -> None:
    aside = state.home / f"replaced-{time.strftime('%Y%m%dT%H%M%S')}"
    aside.mkdir(mode=0o700)
    for name in (*KEPT, "postgres"):
        path = state.home / name
        if path.exists():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            path.rename(aside / name)
    print(f"What was here is in {aside}.")


def _load(settings: LocalSettings, state: State, dump: Path) -> None:
    with database_of(settings, state) as url:
        with psycopg.connect(url, connect_timeout=10) as connection:
            tables = connection.execute(
                "select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace "
                "where relkind = 'r' and nspname not in ('pg_catalog', 'information_schema')"
            ).fetchone()
        if tables != (0,):
            raise RefusedError("The database is not empty; restore into an empty one.")
        arguments = ["--exit-on-error", "--no-owner", "--dbname", url, str(dump)]
        _run(_programs(_server_major(url)).program("pg_restore"), arguments)


@contextmanager
def database_of(settings: LocalSettings, state: State) -> Iterator[str]:
    """The database's address; the own server is started for as long as it is needed."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    cluster = open_cluster(state, settings.postgres_port)
    if probe(cluster.url("postgres")) is None:
        yield cluster.url()
        return
    with _running(cluster):
        create_database(cluster, state)
        yield cluster.url()


@contextmanager
def _running(cluster: Cluster) -> Iterator[None]:
    component, user = postgres_component(cluster), cluster.user
    process = subprocess.Popen(
        component.argv,
        env=dict(component.environment),
        cwd="/",
        stderr=subprocess.DEVNULL,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[user.gid] if user else None,
    )
    try:
        deadline = time.monotonic() + 60
        while (reason := component.ready()) is not None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RefusedError(f"The database server did not start: {reason}")
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(component.stop_signal)
        process.wait(60)


def _server_major(url: str) -> int:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            return connection.info.server_version // 10000
    except psycopg.OperationalError as error:
        raise RefusedError(f"The database cannot be reached: {error}") from error


def _programs(major: int) -> Installation:
    """Programs that understand a server of this version."""
    fitting = [one for one in installations() if one.major >= major]
    if not fitting:
        raise RefusedError(f"No pg_dump for PostgreSQL {major}; install postgresql-client-{major}.")
    return min(fitting, key=lambda one: one.major)


def _run(program: str, arguments: list[str]) -> None:
    # LC_ALL keeps messages readable for support; passwords in a URL stay out of the message.
    done = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode != 0:
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise RefusedError(f"{Path(program).name} failed:\n{last}")
