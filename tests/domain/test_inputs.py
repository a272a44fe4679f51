"""What people may write, and what would lead somewhere it should not."""

import pytest

from shared.domain.errors import Invalid
from shared.domain.inputs import (
    checked_branch,
    checked_path,
    checked_repository,
    refuse_private,
)

PUBLIC = [
    "https://github.com/acme/api.git",
    "https://git.example:8443/a/b",
    "git@github.com:acme/api.git",
    "ssh://git@git.example:2222/acme/api.git",
    "git://git.example/a",
    "https://8.8.8.8/a",
    "https://[2606:4700::1111]/a",
]
PRIVATE = [
    "http://127.0.0.1/a",
    "http://localhost:3000/a",
    "https://gitea.localhost/a",
    "http://10.0.0.8/a",
    "http://192.168.1.1/a",
    "http://172.16.5.4/a",
    "http://169.254.169.254/latest/meta-data",
    "http://metadata.google.internal/a",
    "http://[::1]/a",
    "http://[fd00::1]/a",
    "http://[::ffff:10.0.0.1]/a",
    "http://0.0.0.0/a",
    "http://100.64.0.1/a",
    "http://2130706433/a",
    "http://0x7f000001/a",
    "http://0177.0.0.1/a",
    "http://127.1/a",
    "http://router.local/a",
    "git@10.0.0.8:a/b.git",
    "git@localhost:a/b.git",
    "https://LOCALHOST./a",
    "file:///etc",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_repository_is_taken(url: str) -> None:
    assert refuse_private(checked_repository(url)) == url


@pytest.mark.parametrize("url", PRIVATE)
def test_a_repository_in_a_private_network_is_refused_where_that_is_said(url: str) -> None:
    assert checked_repository(url) == url
    with pytest.raises(Invalid):
        refuse_private(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api",
        "ftp://git.example/a",
        "https://",
        "https://[::1",
        "https://git.example:port/a",
        "https://-oProxyCommand=x/a",
        "https://a b/c",
        "-oProxyCommand=x@host:path",
        "javascript:alert(1)",
        "https://user:password@git.example/a",
        "https://user@git.example/a",
        "ext::sh -c whoami",
    ],
)
def test_what_is_no_repository_or_holds_credentials_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        checked_repository(url)


@pytest.mark.parametrize("name", ["main", "feature/a-b", "v1.2.3", "ünïcode", "a@b", "HEAD"])
def test_a_branch_as_git_takes_it(name: str) -> None:
    assert checked_branch(name) == name


NO_BRANCH = """
-x --upload-pack=x a..b a~1 a^ a:b a? a* a[ a\\b a.lock a/.b /a a/ a//b a. @ a@{1} x.lock/y
"""


@pytest.mark.parametrize("name", ["", "a b", "a\x00b", "a\nb", *NO_BRANCH.split()])
def test_what_git_takes_for_no_branch_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        checked_branch(name)


@pytest.mark.parametrize("path", ["", "api", "apps/web", "a/..b", "Dockerfile.prod", "**/*.py"])
def test_a_path_inside_the_repository_is_taken(path: str) -> None:
    assert checked_path(path, "it") == path


@pytest.mark.parametrize("path", ["/etc", "..", "a/../../b", "a\\..\\b", "~/x", "a\x00b"])
def test_a_path_that_leads_out_of_it_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="inside the repository"):
        checked_path(path, "it")
