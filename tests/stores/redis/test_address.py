"""What a URL says, and what servers say of slots and themselves."""

import sys

import pytest

from vaiven.model.errors import SettingsError, StoreMismatch, StoreUnavailable
from vaiven.stores import open_store
from vaiven.stores.redis.address import Address, read_url
from vaiven.stores.redis.durability import Durability, ServerFacts, facts_of, gate_for, read_info
from vaiven.stores.redis.resp import CommandRefused, Refusal, error_of
from vaiven.stores.redis.topology import read_slots, slot_of


def test_a_single_server():
    place = read_url("redis://ann:p%40ss%2Fw@db.example:7000/3")
    assert (place.seeds, place.cluster, place.db, place.tls) == ((Address("db.example", 7000),), False, 3, None)
    assert (place.user, place.password) == ("ann", "p@ss/w")


@pytest.mark.parametrize(
    ("url", "seeds"),
    [
        ("redis://", (Address("127.0.0.1", 6379),)),
        ("redis://:secret@[::1]:7", (Address("::1", 7),)),
        ("redis+unix:///run/redis.sock", (Address("", path="/run/redis.sock"),)),
        ("redis+cluster://a:1,b,[::1]:3", (Address("a", 1), Address("b", 6379), Address("::1", 3))),
    ],
)
def test_addresses(url, seeds):
    assert read_url(url).seeds == seeds


def test_an_address_reads_as_people_write_it():
    assert read_url("redis+cluster://ann:secret@a:1,[::1]:3").name == "a:1,[::1]:3"
    assert read_url("redis+unix:///run/redis.sock?db=2").name == "/run/redis.sock"


def test_tls_trusts_what_it_is_told_to(tmp_path):
    assert read_url("rediss://db.example").tls.check_hostname
    assert not read_url("rediss+cluster://db.example?ssl_check_hostname=false").tls.check_hostname
    with pytest.raises(SettingsError, match="certificate"):
        read_url(f"rediss://db.example?ssl_ca_certs={tmp_path}/none.pem")


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:secret@h",
        "redis://ann:secret@h:port",
        "redis://ann:secret@h/x",
        "redis://ann:secret@a,b",
        "redis+cluster://ann:secret@a/1",
        "redis://ann:secret@h?decode_responses=1",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_its_password(url):
    with pytest.raises(SettingsError) as refused:
        read_url(url)
    assert "secret" not in str(refused.value)
    assert "redis://" in str(refused.value)


def test_how_many_replicas_a_strict_write_waits_for_is_part_of_the_url():
    assert read_url("redis://db.example").replicas is None
    assert read_url("redis+cluster://a:1,b:2?replicas=0").replicas == 0
    assert read_url("redis+unix:///run/redis.sock?replicas=2").replicas == 2
    for wrong in ("-1", "10", "many"):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_url(f"redis://db.example?replicas={wrong}")


def test_a_place_never_shows_its_password():
    assert "secret" not in repr(read_url("redis://ann:secret@h"))


@pytest.mark.parametrize(
    ("key", "slot"),
    [(b"123456789", 12739), (b"foo", 12182), (b"{foo}bar", 12182), (b"a{foo}{bar}", 12182), (b"foo{}{bar}", 8363), (b"", 0)],
)
def test_slots_are_those_of_the_specification(key, slot):
    assert slot_of(key) == slot


def test_a_node_without_a_name_is_where_it_was_asked():
    reply = [[0, 9, [b"10.0.0.1", 1, b"id", []], [b"10.0.0.2", 2, b"id", []]], [10, 16383, [None, 3, b"id", []]]]
    ranges, everybody = read_slots(reply, Address("seed", 9))
    assert ranges == [(0, 9, Address("10.0.0.1", 1)), (10, 16383, Address("seed", 3))]
    assert everybody == [Address("10.0.0.1", 1), Address("10.0.0.2", 2), Address("seed", 3)]


def test_facts_are_those_of_the_program_that_runs():
    info = read_info(b"# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\naof_enabled:1\r\n")
    assert facts_of(info) == ServerFacts((9, 1, 2), valkey=True, cluster=False, aof=True)
    assert str(facts_of(info)) == "Valkey 9.1.2"
    assert facts_of({"redis_version": "7.0.15", "cluster_enabled": "1"}) == ServerFacts((7, 0, 15), False, True, False)


VALKEY = ServerFacts((9, 1, 2), valkey=True, cluster=False, aof=True)
REDIS_7_0 = ServerFacts((7, 0, 15), valkey=False, cluster=False, aof=True)


@pytest.mark.parametrize(
    ("facts", "fsync", "wait", "command"),
    [
        (VALKEY, None, Durability(), b"WAITAOF"),
        (VALKEY, "always", Durability(1, 0), b"WAITAOF"),
        (VALKEY, None, Durability(0, 0), None),
        (REDIS_7_0, "always", Durability(), b"$4\r\nWAIT\r\n"),
        (REDIS_7_0, None, Durability(), b"$4\r\nWAIT\r\n"),
        (REDIS_7_0, "everysec", Durability(0, 2), b"$4\r\nWAIT\r\n"),
        (REDIS_7_0, "always", Durability(1, 0), None),
    ],
)
def test_what_a_server_is_asked_to_wait_for(facts, fsync, wait, command):
    gate = gate_for(wait, facts, fsync)
    assert gate is None if command is None else gate is not None and command in gate.packed


def test_a_server_that_cannot_keep_it_is_refused():
    for facts in (REDIS_7_0, VALKEY):
        with pytest.raises(StoreMismatch, match="appendfsync always"):
            gate_for(Durability(), facts, "everysec")
    with pytest.raises(StoreMismatch, match="appendonly yes"):
        gate_for(Durability(), ServerFacts((9,), valkey=True, cluster=False, aof=False), None)


@pytest.mark.parametrize(
    ("wait", "facts", "reply", "lack"),
    [
        (Durability(1, 1), VALKEY, [1, 1], None),
        (Durability(1, 1), VALKEY, [1, 2], None),
        (Durability(1, 2), VALKEY, [1, 1], "acknowledged by 1 of 1 own disks and 1 of 2 replicas' disks"),
        (Durability(1, 1), VALKEY, [0, 1], "acknowledged by 0 of 1 own disks and 1 of 1 replicas' disks"),
        (Durability(1, 1), REDIS_7_0, 1, None),
        (Durability(1, 1), REDIS_7_0, 0, "acknowledged by 0 of 1 replicas"),
    ],
)
def test_too_few_acknowledgements_are_told_by_number(wait, facts, reply, lack):
    gate = gate_for(wait, facts, "always")
    assert gate is not None
    said = gate.lack(reply)
    assert (said is None) == (lack is None)
    assert lack is None or (said is not None and said.startswith(lack))
    assert said is None or ("?replicas=0" in said) == ("0 of 1 own" not in said)


@pytest.mark.parametrize("code", ["LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "OOM", "NOREPLICAS", "MISCONF", "NOAUTH"])
def test_what_is_the_servers_fault_is_unavailable(code):
    error = error_of(Refusal(f"{code} some words"), "h:1")
    assert isinstance(error, StoreUnavailable)
    assert str(error) == f"h:1: {code} some words"


@pytest.mark.parametrize("text", ["ERR user_script:1: oh", "WRONGTYPE Operation against a key", "NOPROTO", ""])
def test_what_is_a_bug_is_not_called_unavailable(text):
    assert isinstance(error_of(Refusal(text), "h:1"), CommandRefused)


def test_a_package_that_is_missing_is_named_with_its_cure(monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("vaiven.stores.redis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hiredis", None)
    with pytest.raises(SettingsError, match=r"hiredis.*pip install 'vaiven\[redis\]'"):
        open_store("redis://127.0.0.1:6379")
