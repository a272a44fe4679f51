"""Which program of the platform is told what."""

import pytest

from infra.local.components import inherited_environment, of_the_platform


def test_only_the_platform_learns_how_it_is_known_at_git_providers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = ("C2D_GITHUB_CLIENT_SECRET", "GITHUB_CLIENT_SECRET", "C2D_GITLAB_CLIENT_SECRET")
    for name in secrets:
        monkeypatch.setenv(name, f"value-of-{name}")
    monkeypatch.setenv("C2D_GITHUB_URL", "https://git.example")
    monkeypatch.setenv("GITHUB_TOKEN", "of somebody else")
    everybody, platform = inherited_environment(), of_the_platform()
    assert everybody["C2D_GITHUB_URL"] == "https://git.example"
    assert not any("value-of" in value for value in everybody.values())
    assert {name: platform[name] for name in secrets} == {n: f"value-of-{n}" for n in secrets}
    assert "GITHUB_TOKEN" not in {**everybody, **platform}
