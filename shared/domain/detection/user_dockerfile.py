"""Reads a Dockerfile the user wrote: its stages, build arguments and ports."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.plan import Plan, Provider
from shared.domain.errors import NothingDetected

DEFAULT_PORT: Final = 8080
CONVENTIONAL: Final = ("Dockerfile", "dockerfile", "Containerfile")
_HEREDOC: Final = re.compile(r"<<-?[\"']?([A-Za-z_]\w*)[\"']?")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^}]*))?\})")
_PAIR: Final = re.compile(r"""([\w.]+)=("(?:\\.|[^"])*"|'[^']*'|(?:\\.|\S)*)""")
_FROM: Final = re.compile(r"(?:--platform=\S+\s+)?(\S+)(?:\s+as\s+(\S+))?", re.IGNORECASE)


@dataclass(slots=True)
class Stage:
    """One FROM and what counts for the running container until the next."""

    name: str
    base: str
    variables: dict[str, str] = field(default_factory=dict)
    ports: list[int] = field(default_factory=list)
    has_command: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    stages: tuple[Stage, ...]
    arguments: tuple[str, ...]

    def stage(self, target: str | None) -> Stage | None:
        """The stage of that name or number, the last one without a target."""
        if target is None:
            return self.stages[-1] if self.stages else None
        if target.isdigit() and int(target) < len(self.stages):
            return self.stages[int(target)]
        named = [s for s in self.stages if s.name.lower() == target.lower()]
        return named[-1] if named else None


def parse(text: str) -> Parsed:
    """The stages of a Dockerfile. What is not understood is left to the builder to refuse."""
    stages: list[Stage] = []
    before_first: dict[str, str] = {}
    arguments: list[str] = []
    for keyword, rest in _instructions(text):
        if keyword == "FROM":
            stages.append(_stage(rest, stages, before_first))
        elif keyword == "ARG":
            _argument(rest, arguments, before_first, stages)
        elif stages:
            _instruction(stages[-1], keyword, rest)
    return Parsed(tuple(stages), tuple(dict.fromkeys(arguments)))


def detect(context: Context) -> Plan | None:
    """The plan for the user's Dockerfile, None where there is none and none was asked for.

    Raises NothingDetected when the file or the target that was asked for does not exist.
    """
    path = context.settings.dockerfile_path
    if path:
        path = path.removeprefix("./").strip("/")
        if not context.has(path):
            raise NothingDetected(_no_such_file(context, path))
    else:
        path = context.first(*CONVENTIONAL)
        if path is None:
            if context.settings.dockerfile_target:
                raise NothingDetected(
                    f"a Dockerfile target ({context.settings.dockerfile_target}) is set, "
                    "but there is no Dockerfile here; add one or clear the target"
                )
            return None
    return _plan(context, path)


def _plan(context: Context, path: str) -> Plan:
    parsed = parse(context.read(path))
    target = context.settings.dockerfile_target
    stage = parsed.stage(target)
    if stage is None:
        raise NothingDetected(_no_such_stage(path, target, parsed))
    context.saw(f"{path} is in the repository, so it decides how the image is built")
    if target:
        context.saw(f"its target {target} is built")
    if any(line.lower().startswith("# syntax=") for line in context.read(path).splitlines()[:3]):
        context.warn(f"{path} names a frontend on its `# syntax=` line, which is downloaded first")
    return Plan(
        provider=Provider.DOCKERFILE,
        language="Dockerfile",
        port=context.settings.port or _port(context, path, stage),
        start_command=context.settings.start_command,
        dockerfile_path=path,
        dockerfile_target=target,
        base_images=_bases(parsed),
        build_args=parsed.arguments,
        evidence=tuple(context.evidence),
        warnings=tuple(context.warnings),
    )


def _port(context: Context, path: str, stage: Stage) -> int:
    if stage.ports:
        if len(set(stage.ports)) > 1:
            context.warn(
                f"{path} exposes several ports ({', '.join(map(str, stage.ports))}); "
                f"the first one gets the traffic unless the service's port says otherwise"
            )
        context.saw(f"port {stage.ports[0]} from EXPOSE")
        return stage.ports[0]
    declared = stage.variables.get("PORT", "")
    if declared.isdigit() and 0 < int(declared) < 65536:
        context.saw(f"port {declared} from ENV PORT (there is no EXPOSE)")
        return int(declared)
    context.saw(f"no EXPOSE: the app is expected on port {DEFAULT_PORT}, which it gets as PORT")
    return DEFAULT_PORT


def _no_such_file(context: Context, path: str) -> str:
    others = [p for p in context.tree.paths() if "dockerfile" in p.rpartition("/")[2].lower()]
    seen = f"it has {', '.join(others[:5])}" if others else "it has no Dockerfile at all"
    return (
        f"the Dockerfile {path} is not in the repository ({seen}); "
        "correct the path, which is relative to the service's root directory"
    )


def _no_such_stage(path: str, target: str | None, parsed: Parsed) -> str:
    if not parsed.stages:
        return f"{path} has no FROM line, so it builds nothing; write it or remove the file"
    names = ", ".join(s.name for s in parsed.stages if s.name) or "none with a name"
    return f"{path} has no stage {target} (its stages: {names}); correct the target"


def _bases(parsed: Parsed) -> tuple[str, ...]:
    names = {stage.name.lower() for stage in parsed.stages if stage.name}
    return tuple(dict.fromkeys(s.base for s in parsed.stages if s.base.lower() not in names))


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """(KEYWORD, rest) per instruction: continuations joined, comments and heredocs left out."""
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    escape = "`" if re.match(r"\s*#\s*escape\s*=\s*`", text) else "\\"
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        joined = line.strip()
        while joined.endswith(escape):
            following = next((n for n in lines if not n.lstrip().startswith("#")), None)
            joined = joined[:-1].rstrip() + " " + (following or "").strip()
            if following is None:
                break
        keyword, _, rest = joined.partition(" ")
        if keyword.upper() in {"RUN", "COPY", "ADD"}:
            for end in _HEREDOC.findall(rest):
                next((n for n in lines if n.strip() == end), None)
        yield keyword.upper(), rest.strip()


def _stage(rest: str, stages: list[Stage], outer: Mapping[str, str]) -> Stage:
    match = _FROM.match(_expand(rest, outer))
    base, name = (match.group(1), match.group(2) or "") if match else (rest, "")
    parent = next((s for s in reversed(stages) if s.name and s.name.lower() == base.lower()), None)
    if parent is None:
        return Stage(name, base)
    return Stage(name, base, dict(parent.variables), list(parent.ports), parent.has_command)


def _argument(rest: str, arguments: list[str], outer: dict[str, str], stages: list[Stage]) -> None:
    for item in rest.split():
        name, given, default = item.partition("=")
        arguments.append(name)
        scope = stages[-1].variables if stages else outer
        value = _expand(_unquote(default), scope) if given else outer.get(name, "")
        if stages:
            scope.setdefault(name, value)
        else:
            scope[name] = value


def _instruction(stage: Stage, keyword: str, rest: str) -> None:
    if keyword == "ENV":
        for name, value in _environment(rest):
            stage.variables[name] = _expand(_unquote(value), stage.variables)
    elif keyword == "EXPOSE":
        stage.ports += [p for word in rest.split() for p in _exposed(word, stage.variables)]
    elif keyword in {"CMD", "ENTRYPOINT"}:
        stage.has_command = True


def _environment(rest: str) -> list[tuple[str, str]]:
    if "=" not in rest.split(None, 1)[0]:
        name, _, value = rest.partition(" ")
        return [(name, value)]
    return _PAIR.findall(rest)


def _exposed(word: str, variables: Mapping[str, str]) -> list[int]:
    port, _, protocol = _expand(word, variables).partition("/")
    first = port.partition("-")[0]
    if protocol.lower() not in {"", "tcp"} or not first.isdigit():
        return []
    return [int(first)] if 0 < int(first) < 65536 else []


def _expand(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, operator, word = match.group(1) or match.group(2), match.group(3), match.group(4)
        known = variables.get(name, "")
        if operator and operator.endswith("+"):
            return word if known else ""
        return known or (word if operator else "")

    return _VARIABLE.sub(value, text)


def _unquote(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
