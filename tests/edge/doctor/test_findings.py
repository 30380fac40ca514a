"""How findings read, for people and for tools."""

from textwrap import dedent

from vaiven.edge.doctor.findings import Code, fail, ok, picture, plain, warn

FOUND = [
    ok(Code.CLOCK, "in time"),
    warn(Code.REDIS_MEMORY, "no limit", "Set one.", "a:1"),
    fail(Code.STORE, "it is down", "Start it."),
    warn(Code.REDIS_MEMORY, "no limit", "Set one.", "b:1"),
    warn(Code.REDIS_MEMORY, "nearly full", "Raise it.", "c:1"),
    ok(Code.REDIS_CLIENTS, "3 clients", "a:1"),
    ok(Code.REDIS_CLIENTS, "4 clients", "b:1"),
    ok(Code.REDIS_CLIENTS, "5 clients", "c:1"),
    ok(Code.REDIS_CLIENTS, "6 clients", "d:1"),
]


def test_what_fails_comes_first_and_what_is_alike_is_said_once() -> None:
    assert picture(FOUND) == dedent("""\
        fail  store               it is down
                                  -> Start it.
        warn  redis-memory        a:1, b:1: no limit
                                  -> Set one.
        warn  redis-memory        c:1: nearly full
                                  -> Raise it.
        ok    clock               in time
        ok    redis-clients       a:1, b:1, c:1 and 1 more: 3 clients

        1 failed, 2 to mind, 2 well.""")


def test_tools_get_every_finding() -> None:
    told = plain({"bot": "a"}, FOUND)
    assert (told["bot"], told["ok"], told["warn"], told["fail"]) == ("a", 5, 3, 1)
    assert told["checks"][1] == {
        "code": "redis-memory",
        "severity": "warn",
        "told": "no limit",
        "fix": "Set one.",
        "about": "a:1",
    }


def test_only_what_is_well_needs_no_fix() -> None:
    assert picture([]) == "\n0 failed, 0 to mind, 0 well."
    assert ok(Code.STORE, "so").fix == ""
