"""Where calls may go: the corpora of addresses that must never be reached, and what a bot's file may name."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.edge.reach import Reach, is_public, numeric

NOT_PUBLIC = (
    "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 169.254.0.1 169.254.169.254 "
    "172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 "
    "198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 "
    ":: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 "
    "64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 "
    "2001::1 2001:0:53aa:64c:0:0:0:1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1 2002:808:808::1 3fff::1 "
    "5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1"
)

PUBLIC = (
    "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.1 "
    "172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 "
    "2606:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888 2003::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8"
)


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert not Reach().permits("api.example", 443, [address], secure=True)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_may_be_called_by_https(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert Reach().permits("api.example", 443, [address], secure=True)
    assert not Reach().permits("api.example", 80, [address], secure=False)


@given(st.ip_addresses())
def test_what_this_language_knows_as_not_global_is_never_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    within = getattr(address, "ipv4_mapped", None) or address
    if is_public(address) and within not in ipaddress.ip_network("64:ff9b::/96"):
        assert within.is_global
        assert not within.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    for form in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert is_public(ipaddress.ip_address(form)) is is_public(address)


def test_one_private_address_among_many_is_enough() -> None:
    assert not Reach().permits("api.example", 443, ["8.8.8.8", "10.0.0.1"], secure=True)
    assert not Reach().permits("api.example", 443, [], secure=True)
    assert not Reach().permits("api.example", 443, ["no address"], secure=True)


@pytest.mark.parametrize(("port", "may"), [(443, True), (8443, True), (22, False), (80, False), (25, False), (6379, True)])
def test_ports_of_other_services_are_not_called(port: int, may: bool) -> None:
    assert Reach().permits("api.example", port, ["8.8.8.8"], secure=True) is may


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "may"),
    [
        ("desk.internal", "desk.internal", 8080, "10.0.0.7", True),
        ("desk.internal", "DESK.internal.", 8080, "10.0.0.7", True),
        ("desk.internal", "other.internal", 8080, "10.0.0.7", False),
        ("desk.internal", "desk.internal.evil.example", 8080, "10.0.0.7", False),
        ("desk.internal:8080", "desk.internal", 8080, "10.0.0.7", True),
        ("desk.internal:8080", "desk.internal", 8081, "10.0.0.7", False),
        ("10.0.0.7", "desk.internal", 80, "10.0.0.7", True),
        ("10.0.0.7", "10.0.0.7", 80, "::ffff:10.0.0.7", True),
        ("::ffff:10.0.0.7", "10.0.0.7", 80, "10.0.0.7", True),
        ("10.0.0.7:8080", "desk.internal", 8080, "10.0.0.7", True),
        ("10.0.0.7:8080", "desk.internal", 80, "10.0.0.7", False),
        ("10.0.0.0/8", "desk.internal", 80, "10.1.2.3", True),
        ("10.0.0.0/8", "desk.internal", 80, "11.1.2.3", False),
        ("10.0.0.0/8:8080", "desk.internal", 8080, "10.1.2.3", True),
        ("fd00::/8", "desk.internal", 80, "fd00::7", True),
        ("::1", "localhost", 80, "::1", True),
        ("[::1]:8080", "localhost", 8080, "::1", True),
        ("[::1]:8080", "localhost", 80, "::1", False),
        ("localhost", "localhost", 80, "127.0.0.1", True),
    ],
)
def test_what_is_named_may_be_called_without_tls(entry: str, host: str, port: int, address: str, may: bool) -> None:
    assert Reach([entry]).permits(host, port, [address], secure=False) is may


def test_whom_the_flow_did_not_choose_is_not_called_because_it_is_named() -> None:
    reach = Reach(["desk.internal", "10.0.0.0/8"])
    assert not reach.permits("desk.internal", 443, ["10.0.0.7"], secure=True, named=False)
    assert reach.permits("api.example", 443, ["8.8.8.8"], secure=True, named=False)


NO_HOSTS = (
    ": http://x x/y 10.0.0.1/8 x:0 x:65536 x:y -x x- [::1 ::1] 2130706433 127.1 010.0.0.1 x..y é.example 10.0.0.0/33 * *.x x:1:2"
)


@pytest.mark.parametrize("entry", ["", "a b", "a" * 64, *NO_HOSTS.split()])
def test_an_entry_that_names_nothing_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError):
        Reach([entry])


@pytest.mark.parametrize(
    ("host", "is_"), [("127.0.0.1", True), ("2130706433", True), ("127.1", True), ("::1", True), ("0x7f.1", False)]
)
def test_what_stands_for_an_address(host: str, is_: bool) -> None:
    assert numeric(host) is is_
