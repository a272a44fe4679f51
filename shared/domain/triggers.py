"""Which pushes deploy a service: branch and tag rules, watch paths, words that say no."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final

from shared.domain.events import PushEvent, RefKind
from shared.domain.services import Service, ServiceState, Source

_SKIP: Final = re.compile(
    r"\[(?:(?:skip|no)[ -](?:ci|cd|deploy|c2d)|(?:ci|cd|deploy|c2d)[ -]skip"
    r"|skip actions|actions skip)\]",
    re.IGNORECASE,
)


def why_not(service: Service, event: PushEvent) -> str | None:
    """A sentence that says why this push does not deploy the service; None when it does."""
    source = service.source
    if source is None:
        return "the service has no repository"
    if service.state is ServiceState.DELETING:
        return "the service is being deleted"
    return (
        _wrong_ref(source, event)
        or _gone(event)
        or _paused(service)
        or _unwanted(event)
        or _elsewhere(source, event)
    )


def _wrong_ref(source: Source, event: PushEvent) -> str | None:
    if event.ref_kind is RefKind.TAG:
        if source.tag_pattern is None:
            return f"a tag ({event.ref}), and no tag deploys this service"
        if not re.fullmatch(translate(source.tag_pattern), event.ref):
            return f"the tag {event.ref} does not match {source.tag_pattern}"
        return None
    wanted = source.branch or event.default_branch
    if wanted != event.ref:
        return f"a push to {event.ref}; {wanted or 'the default branch'} deploys this service"
    return None


def _gone(event: PushEvent) -> str | None:
    return f"the {event.ref_kind} {event.ref} was deleted" if event.deleted else None


def _paused(service: Service) -> str | None:
    return None if service.autodeploy else "deploying on push is paused for this service"


def _unwanted(event: PushEvent) -> str | None:
    found = _SKIP.search(event.message)
    return f"the commit's message says {found[0]}" if found else None


def _elsewhere(source: Source, event: PushEvent) -> str | None:
    """Without a list of all the files that changed the push deploys."""
    if event.changed_paths is None or event.ref_kind is RefKind.TAG:
        return None
    if source.watch_paths:
        if matches(source.watch_paths, event.changed_paths):
            return None
        return f"no changed file matches the watch paths {', '.join(source.watch_paths)}"
    folder = source.root_directory.strip("/")
    if folder in ("", ".") or any(p.startswith(f"{folder}/") for p in event.changed_paths):
        return None
    return f"no file below {folder} has changed"


def matches(patterns: Sequence[str], paths: Iterable[str]) -> bool:
    """Whether one of the paths is named by patterns as in .gitignore: the last match decides."""
    rules = [(p.startswith("!"), _rule(p.removeprefix("!"))) for p in patterns if p.strip()]
    for path in paths:
        folders, named = path.split("/"), False
        for negated, rule in rules:
            if named is negated and rule.names(folders):
                named = not negated
        if named:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern in the parts between its slashes; None stands for `**`.

    Matching goes part by part, so its time is that of the product of both lengths, whatever the
    pattern: it is a user's.
    """

    parts: tuple["re.Pattern[str] | None", ...]
    folders_only: bool

    def names(self, path: Sequence[str]) -> bool:
        """Whether it names the path, or a folder that it lies in."""
        reached = {0}
        for number, part in enumerate(self.parts):
            last = number == len(self.parts) - 1
            reached = self._after(part, reached, path, last=last)
            if not reached:
                return False
        return any(0 < end <= len(path) - self.folders_only for end in reached)

    def _after(
        self, part: "re.Pattern[str] | None", reached: set[int], path: Sequence[str], *, last: bool
    ) -> set[int]:
        if part is None:
            return set(range(min(reached) + last, len(path) + 1))
        return {at + 1 for at in reached if at < len(path) and part.match(path[at])}


@lru_cache(maxsize=1000)
def _rule(pattern: str) -> _Rule:
    """One with a slash before its end is anchored at the root, another matches anywhere."""
    parts = [part for part in pattern.split("/") if part]
    made = [None if part == "**" else re.compile(translate(part)) for part in parts]
    anchored = "/" in pattern.rstrip("/")
    return _Rule((*(() if anchored else (None,)), *made), pattern.endswith("/"))
