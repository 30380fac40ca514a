"""``docs/doctor.md`` has every check, and none that is not there; its thresholds are those of the code."""

import re

from vaiven.edge.doctor.checks import host, redis, sqlite, store, street
from vaiven.edge.doctor.findings import Code, Severity

_ROW = re.compile(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \|", re.MULTILINE)


def rows(page) -> dict[str, str]:
    return {
        code: f"{looks} {bites}" for code, looks, bites in _ROW.findall(page("docs/doctor.md").text) if code not in list(Severity)
    }


def test_every_check_is_told_in_the_order_of_the_code(page) -> None:
    assert set(rows(page)) == {code.value for code in Code}


def test_severities_and_their_exit_codes(page) -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| .+ \| (\d) \|$", page("docs/doctor.md").text, re.MULTILINE))
    assert told == {Severity.FAIL: "1", Severity.WARN: "0", Severity.OK: "0"}


def test_thresholds_are_those_of_the_code(page) -> None:
    told = rows(page)
    assert f"{host.DOOR_CONNECTIONS:,} webhooks" in told["open-files"]
    assert f"last {street.CERTIFICATE_S // 86_400} days" in told["certificate"]
    assert f"warns from {store.CLOCK_MS[0] // 1000} s, fails from {store.CLOCK_MS[1] // 1000} s" in told["clock"]
    assert f"warns from {store.LAG_MS[0] // 1000} s, fails from {store.LAG_MS[1] // 1000} s" in told["lag"]
    assert f"warns from {store.BACKLOG_MS // 60_000} min" in told["backlog"]
    assert f"warns from {store.MANY_RETRIES}" in told["channel"]
    assert f"below {sqlite.FREE_BYTES[1] >> 30} GiB, fails below {sqlite.FREE_BYTES[0] >> 20} MiB" in told["sqlite-disk"]
    assert f"from {redis.FULL[0]:.0%}, fails from {redis.FULL[1]:.0%}".replace("%", " %") in told["redis-memory"]
    assert f"from {redis.OF_MACHINE:.0%} of the machine".replace("%", " %") in told["redis-memory"]
    assert f"above {redis.FAR_S * 1000:.0f} ms" in told["redis-distance"]
    assert f"from {redis.CLIENTS:.0%}".replace("%", " %") in told["redis-clients"]
    assert street.RETRIES in page("docs/doctor.md").text
