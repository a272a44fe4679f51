"""Brings the exact commit of a repository onto this machine."""

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.agent.build.git import MIB, Git, GitCredentials
from infra.agent.build.git_errors import explained
from infra.agent.build.remotes import Remote, checked, parse_remote
from infra.agent.settings import Settings
from shared.domain.errors import SourceNotFound, SourceTooLarge

_SHA: Final = re.compile(r"^[0-9a-f]{40}$")
_DEPTH: Final = 50
_REFUSED: Final = "unadvertised object"
_FETCHED: Final = "refs/fetched"
_PLAIN_NAME: Final = re.compile(r"^\w[\w/-]*(?:\.[\w/-]+)*$", re.ASCII)
_FETCH: Final = ("fetch", "--quiet", "--no-tags", "--no-auto-gc", "--force")
_ABSENT: Final = re.compile(r"not our ref|couldn't find remote ref|unadvertised object|bad object")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to clone: `sha` wins over `ref`, neither means the default branch."""

    url: str
    ref: str | None = None
    sha: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """What was cloned: `folder` holds the files, `repository` the history.

    `links` are the submodules: path and SHA. `tree` is a digest of all its files and modes.
    """

    folder: Path
    repository: Path
    remote: Remote
    sha: str
    ref: str | None
    message: str
    author: str
    links: Mapping[str, str]
    tree: str = ""


def clone(wanted: Wanted, credentials: GitCredentials, git: Git, settings: Settings) -> Commit:
    """The commit's tree in `git.home/source`; the repository itself stays beside it.

    Raises SourceNotFound, SourceDenied, SourceTooLarge, DiskFull, Transient, Cancelled.
    """
    git.prepare(follow_redirects=settings.allow_private_git)
    remote = checked(parse_remote(wanted.url), settings)
    if remote.login:
        git.job.masker.add(remote.login)
    return fetch_tree(wanted, remote, credentials, git, git.home / "git", git.home / "source")


def fetch_tree(
    wanted: Wanted,
    remote: Remote,
    credentials: GitCredentials,
    git: Git,
    repository: Path,
    folder: Path,
) -> Commit:
    """Fetches one commit into `repository` and its files into `folder`."""
    given = credentials.given or remote.login is not None
    with git.opening(remote, credentials) as env:
        _initialise(repository)
        sha, ref = _FETCHED, wanted.ref
        if not _fetch_branch(wanted, remote, git, env, repository, given):
            sha, ref = _resolved(wanted, remote, git, env, given)
            _fetch(sha, ref, remote, git, env, repository, given)
    git.check_size()
    with ThreadPoolExecutor(1) as beside:
        described = beside.submit(_described, sha, git, repository, remote)
        links, content = _checked_tree(sha, git, repository)
        sha, author, message = described.result()
    folder.mkdir(parents=True, exist_ok=True)
    tree = [f"--git-dir={repository}", f"--work-tree={folder}"]
    _must(git.run([*tree, "checkout", "--quiet", "--force", "--detach", sha]), remote, given)
    git.check_size()
    name = wanted.ref or ref
    return Commit(
        folder, repository, remote, sha, name, message[:200], author[:100], links, content
    )


def _initialise(repository: Path) -> None:
    """What `git init --bare` writes, without starting a program for it."""
    for name in ("objects", "refs"):
        (repository / name).mkdir(parents=True)
    (repository / "HEAD").write_text("ref: refs/heads/main\n")
    (repository / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")


def _resolved(
    wanted: Wanted, remote: Remote, git: Git, env: dict[str, str], given: bool
) -> tuple[str, str | None]:
    """The SHA to fetch, and the full name of the ref it came from."""
    sha = (wanted.sha or "").lower()
    if sha and not _SHA.match(sha):
        raise SourceNotFound(f"{wanted.sha!r} is no commit; give all 40 characters of its SHA.")
    if sha:
        return sha, wanted.ref
    if wanted.ref and _SHA.match(wanted.ref):
        return wanted.ref, None
    code, out, err = git.run(["ls-remote", "--quiet", "--symref", "--", _address(remote)], env)
    if code:
        raise explained(err, remote, credentials=given)
    pairs = [line.partition("\t")[::2] for line in out.splitlines()]
    refs = {name: found for found, name in pairs if not found.startswith("ref: ")}
    if not refs:
        raise SourceNotFound(f"The repository {remote.url} is empty; push a commit first.")
    default = next((found[5:] for found, name in pairs if found.startswith("ref: ")), "HEAD")
    return _named(wanted.ref, refs, default, remote)


def _named(
    ref: str | None, refs: dict[str, str], default: str, remote: Remote
) -> tuple[str, str | None]:
    if ref is None:
        if "HEAD" in refs:
            return refs["HEAD"], default.removeprefix("refs/heads/")
        raise SourceNotFound(
            f"The default branch of {remote.url} does not exist; name a branch ({_branches(refs)})."
        )
    candidates = (
        f"refs/heads/{ref}",
        f"refs/tags/{ref}^{{}}",
        f"refs/tags/{ref}",
        f"{ref}^{{}}",
        ref,
    )
    for name in candidates:
        if name in refs:
            return refs[name], name.removesuffix("^{}")
    raise SourceNotFound(
        f"{remote.url} has no branch or tag {ref!r} (branches: {_branches(refs)}); "
        "correct the name or push it."
    )


def _branches(refs: dict[str, str]) -> str:
    names = sorted(
        name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/")
    )
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more if names else "none"


def _fetch_branch(
    wanted: Wanted,
    remote: Remote,
    git: Git,
    env: dict[str, str],
    repository: Path,
    given: bool,
) -> bool:
    """The newest commit of the branch `wanted.ref` as `_FETCHED`, in one connection.

    Most clones want a branch: nothing else has to be asked then. False when it may be something
    else, or the server cannot do that.
    """
    ref = wanted.ref or ""
    if wanted.sha or not _PLAIN_NAME.match(ref) or _SHA.match(ref):
        return False
    args = [f"--git-dir={repository}", *_FETCH, "--depth=1"]
    refspec = f"+refs/heads/{ref}:{_FETCHED}"
    code, _, err = git.run([*args, "--", _address(remote), refspec], env)
    if code and not _ABSENT.search(err) and "invalid refspec" not in err:
        raise explained(err, remote, credentials=given)
    return code == 0


def _fetch(
    sha: str,
    ref: str | None,
    remote: Remote,
    git: Git,
    env: dict[str, str],
    repository: Path,
    given: bool,
) -> None:
    """By SHA; where the server does not allow that, through a branch, then through everything."""
    base = [f"--git-dir={repository}", *_FETCH]
    url = _address(remote)
    everything = ["+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*"]
    code, _, err = git.run([*base, "--depth=1", "--", url, sha], env)
    if code == 0:
        return
    if _REFUSED in err:
        git.job.log("The server gives no single commits: fetching its branches instead.")
        code, _, err = git.run([*base, f"--depth={_DEPTH}", "--", url, ref or "HEAD"], env)
        if not _has(sha, git, repository):
            code, _, err = git.run([*base, "--unshallow", "--", url, *everything], env)
            if code:
                code, _, err = git.run([*base, "--", url, *everything], env)
        if code == 0 and _has(sha, git, repository):
            return
    if code == 0 or _ABSENT.search(err):
        raise SourceNotFound(
            f"Commit {sha[:12]} is not in {remote.url}; it may have been force-pushed away: "
            "deploy a branch instead."
        )
    raise explained(err, remote, credentials=given)


def _has(sha: str, git: Git, repository: Path) -> bool:
    return git.run([f"--git-dir={repository}", "cat-file", "-e", f"{sha}^{{commit}}"])[0] == 0


def _described(sha: str, git: Git, repository: Path, remote: Remote) -> tuple[str, str, str]:
    """SHA (of the commit itself, where `sha` is a tag's), author and subject."""
    args = [f"--git-dir={repository}", "log", "-1", "--format=%H%x00%an%x00%s", f"{sha}^{{commit}}"]
    code, out, _ = git.run(args)
    if code:
        raise SourceNotFound(f"{sha[:12]} in {remote.url} is no commit; deploy a branch or commit.")
    found, author, message = out.rstrip("\n").split("\x00", 2)
    return found, author, message


def _checked_tree(sha: str, git: Git, repository: Path) -> tuple[dict[str, str], str]:
    """Its submodules, and a digest of all of it.

    Before a small pack unfolds into a full disk: what would it weigh?
    """
    args = [f"--git-dir={repository}", "ls-tree", "-r", "-l", "-z", "--full-tree", sha]
    listed = git.run(args)[1]
    entries = [entry.split("\t", 1) for entry in listed.split("\0") if "\t" in entry]
    total = sum(int(size) for meta, _ in entries if (size := meta.split()[-1]).isdigit())
    if total > git.limits.size_mb * MIB:
        raise SourceTooLarge(
            f"The files of the repository are {total // MIB} MiB, the limit is "
            f"{git.limits.size_mb} MiB; remove large files from it or raise the limit."
        )
    if len(entries) > git.limits.files:
        raise SourceTooLarge(
            f"The repository has {len(entries)} files, the limit is {git.limits.files}."
        )
    links = {path: meta.split()[2] for meta, path in entries if meta.startswith("160000 ")}
    return links, hashlib.sha256(listed.encode()).hexdigest()


def _address(remote: Remote) -> str:
    """What git connects to; git:// cannot be pinned otherwise than in the URL."""
    if remote.scheme == "git" and remote.address:
        shown = f"[{remote.address}]" if ":" in remote.address else remote.address
        return remote.url.replace(f"//{remote.authority}", f"//{shown}:{remote.port}", 1)
    if remote.scheme == "file":
        return f"file://{Path(remote.url).resolve()}"
    return remote.url


def _must(answer: tuple[int, str, str], remote: Remote, given: bool) -> None:
    code, _, err = answer
    if code:
        raise explained(err, remote, credentials=given)
