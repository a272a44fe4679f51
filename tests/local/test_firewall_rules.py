"""The packet filter rules as text: what is opened, what is refused, when nothing changes."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

import pytest

from infra.local.errors import RefusedError
from infra.local.firewall import nameservers, read_policy
from infra.local.firewall_rules import METADATA, Family, Policy, removal, rules, transaction

POLICY = Policy(
    public_ports=(7080,),
    nameservers=(IPv4Address("10.0.0.2"), IPv6Address("fd00::53")),
    denied=(*METADATA, IPv4Network("10.9.0.0/16")),
)
BARE = "-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n"
ENGINE = BARE + (
    "-N DOCKER-USER\n"
    "-A FORWARD -j DOCKER-USER\n"
    "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n"
    "-A DOCKER-USER -j RETURN\n"
)


def applied(listing: str, restore: str) -> str:
    """What the tool would list after `restore`, for the verbs that are used."""
    heads = [line for line in listing.splitlines() if line.startswith("-P")]
    chains = {line.split()[1]: list[str]() for line in listing.splitlines() if line[1] in "PN"}
    for line in listing.splitlines():
        if line.startswith("-A"):
            _, chain, rule = line.split(" ", 2)
            chains[chain].append(rule)
    for line in restore.splitlines():
        apply(chains, line)
    heads += [f"-N {chain}" for chain in chains if f"-P {chain}" not in listing]
    return "\n".join([*heads, *(f"-A {c} {rule}" for c, found in chains.items() for rule in found)])


def apply(chains: dict[str, list[str]], line: str) -> None:
    verb, _, rest = line.partition(" ")
    chain, _, rule = rest.partition(" ")
    if verb.startswith(":"):
        chains[verb[1:]] = []
    elif verb == "-A":
        chains[chain].append(rule)
    elif verb == "-I":
        chains[chain].insert(0, re.sub(r"^1 ", "", rule))
    elif verb == "-D":
        chains[chain].remove(rule)
    elif verb == "-F":
        chains[chain] = []
    elif verb == "-X":
        del chains[chain]


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("before", [BARE, ENGINE])
def test_what_was_applied_is_not_applied_again(before: str, family: Family) -> None:
    wanted = rules(POLICY, family)
    restore = transaction(before, wanted)
    assert restore is not None
    assert transaction(applied(before, restore), wanted) is None


def test_the_engines_own_hook_is_used_where_it_exists() -> None:
    restore = transaction(ENGINE, rules(POLICY, Family.V4))
    assert restore is not None
    assert "-I DOCKER-USER 1 -j C2D-FORWARD" in restore
    assert "-I FORWARD 1" not in restore


def test_the_jump_moves_to_the_engines_hook_once_the_engine_runs() -> None:
    wanted = rules(POLICY, Family.V4)
    alone = applied(BARE, transaction(BARE, wanted) or "")
    with_engine = alone + "\n-N DOCKER-USER\n-A DOCKER-USER -j RETURN"
    restore = transaction(with_engine, wanted)
    assert restore is not None
    after = applied(with_engine, restore)
    assert "-A FORWARD -j C2D-FORWARD" not in after
    assert "-A DOCKER-USER -j C2D-FORWARD\n-A DOCKER-USER -j RETURN" in after


def test_a_rule_somebody_put_in_front_is_noticed() -> None:
    wanted = rules(POLICY, Family.V4)
    good = applied(ENGINE, transaction(ENGINE, wanted) or "")
    before_ours = good.replace("-A INPUT -j C2D-INPUT", "-A INPUT -j ACCEPT\n-A INPUT -j C2D-INPUT")
    assert transaction(before_ours, wanted) is not None


def test_a_rule_somebody_took_out_is_noticed() -> None:
    wanted = rules(POLICY, Family.V4)
    good = applied(ENGINE, transaction(ENGINE, wanted) or "")
    without = good.replace("-A C2D-OUT -d 169.254.0.0/16", "-A OTHER -d 169.254.0.0/16")
    assert transaction(without, wanted) is not None


def test_removal_takes_out_everything_and_nothing_else() -> None:
    good = applied(ENGINE, transaction(ENGINE, rules(POLICY, Family.V4)) or "")
    restore = removal(good)
    assert restore is not None
    after = applied(good, restore)
    assert "C2D-" not in after
    assert sorted(after.splitlines()) == sorted(ENGINE.splitlines())
    assert removal(after) is None


def test_another_public_port_is_a_change() -> None:
    good = applied(ENGINE, transaction(ENGINE, rules(POLICY, Family.V4)) or "")
    assert transaction(good, rules(Policy(public_ports=(80, 443)), Family.V4)) is not None


def test_the_host_opens_only_its_router_and_its_resolver() -> None:
    host = rules(POLICY, Family.V4)["C2D-HOST"]
    opened = [rule for rule in host if rule.endswith("RETURN") and "conntrack" not in rule]
    assert opened == [
        "-d 10.0.0.2/32 -p udp -m udp --dport 53 -j RETURN",
        "-d 10.0.0.2/32 -p tcp -m tcp --dport 53 -j RETURN",
        "-p tcp -m tcp --dport 7080 -j RETURN",
    ]
    assert host[-1] == "-j C2D-REFUSE"


def test_a_chain_refuses_or_returns_and_never_accepts() -> None:
    for family in Family:
        written = [rule for chain in rules(POLICY, family).values() for rule in chain]
        assert [rule for rule in written if "ACCEPT" in rule] == []


def test_each_family_has_its_own_addresses() -> None:
    four, six = (rules(POLICY, family)["C2D-OUT"] for family in (Family.V4, Family.V6))
    assert any("169.254.0.0/16" in rule for rule in four)
    assert any("10.9.0.0/16" in rule for rule in four)
    assert not any(":" in rule for rule in four)
    assert any("fd00:ec2::254/128" in rule for rule in six)
    assert any("fd00::53/128" in rule for rule in six)
    assert not any("169.254" in rule for rule in six)


def test_a_local_stub_resolver_is_replaced_by_those_it_asks(tmp_path: Path) -> None:
    stub, upstream = tmp_path / "resolv.conf", tmp_path / "upstream.conf"
    stub.write_text("nameserver 127.0.0.53\nsearch lan\n")
    upstream.write_text("# by hand\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n")
    found = nameservers((stub, upstream, tmp_path / "missing"))
    assert found == (IPv4Address("192.0.2.53"), IPv6Address("fe80::1"))


def test_the_policy_is_read_from_the_environment() -> None:
    policy = read_policy({"C2D_HTTPS_PORT": "443", "C2D_DENIED_NETWORKS": "10.0.0.0/8, fd00::/8"})
    assert policy.public_ports == (7080, 443)
    assert [str(network) for network in policy.denied[-2:]] == ["10.0.0.0/8", "fd00::/8"]
    assert set(METADATA) <= set(policy.denied)


@pytest.mark.parametrize(
    "environment", [{"C2D_HTTP_PORT": "http"}, {"C2D_DENIED_NETWORKS": "10.0.0.1/8"}]
)
def test_a_setting_that_cannot_be_used_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match=r"http|10\.0\.0\.1"):
        read_policy(environment)
