"""Every stack gives the plan and the Dockerfile that its golden file holds."""

import re

import pytest

from shared.domain.detection import BuildSettings, Generation, MappingTree, detect
from tests.domain.detection.stacks import GOLDEN, STACKS, golden


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_gives_its_golden_plan(name: str) -> None:
    assert golden(name) == (GOLDEN / f"{name}.txt").read_text()


def test_no_golden_file_is_left_without_a_stack() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(STACKS)


@pytest.mark.parametrize("name", STACKS)
def test_every_generated_dockerfile_keeps_the_promises(name: str) -> None:
    text = detect(MappingTree(STACKS[name])).dockerfile or ""

    assert re.search(r"^USER 10001:10001$", text.split("FROM")[-1], re.M), "runs as root"
    assert re.search(r'^CMD \["sh", "-c", ".+"\]$', text, re.M)
    assert re.search(r'^ENV PORT="\d+"$', text, re.M)
    assert "# syntax" not in text
    assert "<<" not in text, "the builder of Docker 20.10 knows no here-documents"
    assert "COPY --link" not in text


@pytest.mark.parametrize("name", STACKS)
def test_a_cache_is_never_shared_between_scopes(name: str) -> None:
    tree = MappingTree(STACKS[name])

    text = detect(tree, None, Generation(cache_scope="tenant7")).dockerfile or ""

    ids = re.findall(r"type=cache,id=([^,\s]+)", text)
    assert all(i.startswith("c2d-tenant7-") for i in ids)
    assert len(ids) == text.count("type=cache")


@pytest.mark.parametrize("name", STACKS)
def test_base_images_come_from_the_map(name: str) -> None:
    tree = MappingTree(STACKS[name])
    images = detect(tree).base_images
    mirrored = {image: f"mirror.example/{image}" for image in images}

    plan = detect(tree, None, Generation(base_images=mirrored))

    assert plan.base_images == tuple(mirrored.values())
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", plan.dockerfile or "", re.M)
    earlier = {name for _, name in stages}
    assert {image for image, _ in stages} - earlier == set(mirrored.values())


def test_every_step_that_downloads_gets_the_ca_bundle_when_asked() -> None:
    tree = MappingTree(STACKS["python-fastapi-poetry"])

    text = detect(tree, None, Generation(ca_secret=True)).dockerfile or ""

    steps = [s for s in text.split("\nRUN ") if " install " in s]
    assert len(steps) == 4
    for step in steps:
        assert "--mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt" in step
        assert "export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in step


def test_what_the_user_decided_is_what_happens() -> None:
    settings = BuildSettings(
        install_command="npm ci --omit=optional",
        build_command="npm run make",
        start_command="node other.js",
        port=7777,
    )

    plan = detect(MappingTree(STACKS["node-express-npm"]), settings)

    assert plan.start_command == "node other.js"
    assert (plan.install_command, plan.build_command, plan.port) == (
        "npm ci --omit=optional",
        "npm run make",
        7777,
    )
    text = plan.dockerfile or ""
    assert text.index("COPY . .") < text.index("npm ci --omit=optional") < text.index("run make")
    assert 'CMD ["sh", "-c", "exec node other.js"]' in text
    assert 'ENV PORT="7777"' in text


@pytest.mark.parametrize(
    "name", ["python-flask-pip", "python-fastapi-uv", "node-bun-hono", "ruby-sinatra"]
)
def test_the_users_install_command_holds_for_every_stack_that_installs(name: str) -> None:
    settings = BuildSettings(install_command="./install-it")

    assert "./install-it" in (detect(MappingTree(STACKS[name]), settings).dockerfile or "")
