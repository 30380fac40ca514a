"""What the doctor found: one finding a thing that was looked at, well or not."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

NAMED = 3
"""Servers or channels of which the same is so that are named."""


class Severity(StrEnum):
    """``FAIL``: it loses messages, or does not work. ``WARN``: it will bite, or could not be seen."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Code(StrEnum):
    """Everything that is looked at. ``docs/doctor.md`` tells about each."""

    SETTINGS = "settings"
    SECRETS = "secrets"
    FLOWS = "flows"
    STORE_KIND = "store-kind"
    PYTHON = "python"
    SPEED = "speed"
    OPEN_FILES = "open-files"
    PUBLIC_URL = "public-url"
    CERTIFICATE = "certificate"
    WEBHOOK = "webhook"
    HANDSHAKE = "handshake"
    EXPOSED = "exposed"
    TWILIO_RETRIES = "twilio-retries"
    STORE = "store"
    CLOCK = "clock"
    PARTITIONS = "partitions"
    OWNERS = "owners"
    LAG = "lag"
    BACKLOG = "backlog"
    CHANNEL = "channel"
    UNKNOWN = "unknown"
    DEAD = "dead"
    SQLITE_FILE = "sqlite-file"
    SQLITE_PLACE = "sqlite-place"
    SQLITE_DISK = "sqlite-disk"
    SQLITE_WAL = "sqlite-wal"
    SQLITE_CHECK = "sqlite-check"
    SQLITE_SERVED = "sqlite-served"
    REDIS_REACH = "redis-reach"
    REDIS_MODE = "redis-mode"
    REDIS_VERSION = "redis-version"
    REDIS_ROLE = "redis-role"
    REDIS_AUTH = "redis-auth"
    REDIS_DISTANCE = "redis-distance"
    REDIS_EVICTION = "redis-eviction"
    REDIS_MEMORY = "redis-memory"
    REDIS_AOF = "redis-aof"
    REDIS_FSYNC = "redis-fsync"
    REDIS_SAVE = "redis-save"
    REDIS_REPLICAS = "redis-replicas"
    REDIS_MIN_REPLICAS = "redis-min-replicas"
    REDIS_CLIENTS = "redis-clients"
    CLUSTER_STATE = "cluster-state"
    CLUSTER_NODES = "cluster-nodes"
    CLUSTER_REPLICAS = "cluster-replicas"
    CLUSTER_COVERAGE = "cluster-coverage"
    CLUSTER_MOVING = "cluster-moving"


class Finding(msgspec.Struct, frozen=True):
    """What is so, and the fix in one line, empty where all is well. ``about``: which channel or server it is."""

    code: Code
    severity: Severity
    told: str
    fix: str = ""
    about: str = ""


def ok(code: Code, told: str, about: str = "") -> Finding:
    """It is well."""
    return Finding(code, Severity.OK, told, "", about)


def warn(code: Code, told: str, fix: str, about: str = "") -> Finding:
    """It will bite, or nobody could look."""
    return Finding(code, Severity.WARN, told, fix, about)


def fail(code: Code, told: str, fix: str, about: str = "") -> Finding:
    """It loses messages, or does not work."""
    return Finding(code, Severity.FAIL, told, fix, about)


def picture(findings: Iterable[Finding]) -> str:
    """The findings as a person reads them: what fails first, each fix under its finding, the counts at the end.

    What is so of several is said once, and what is well with several in the words of the first.
    """
    grouped: dict[tuple[Severity, Code, str, str], list[Finding]] = {}
    for finding in findings:
        told = finding.told if finding.fix else ""
        grouped.setdefault((finding.severity, finding.code, told, finding.fix), []).append(finding)
    order = list(Severity)[::-1]
    width = max(map(len, Code))
    lines = []
    for (severity, code, _, fix), alike in sorted(grouped.items(), key=lambda group: order.index(group[0][0])):
        lines.append(f"{severity:4}  {code:{width}}  {_about(alike)}{alike[0].told}")
        if fix:
            lines.append(f"{'':{width + 8}}-> {fix}")
    counts = {each: sum(severity is each for severity, *_ in grouped) for each in Severity}
    total = f"{counts[Severity.FAIL]} failed, {counts[Severity.WARN]} to mind, {counts[Severity.OK]} well."
    return "\n".join([*lines, "", total])


def _about(alike: Sequence[Finding]) -> str:
    names = [finding.about for finding in alike if finding.about]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}: " if names else ""


def plain(head: Mapping[str, str], findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings as JSON tells them, in the order looked at."""
    checks = [msgspec.structs.asdict(finding) for finding in findings]
    counts = {severity.value: sum(check["severity"] is severity for check in checks) for severity in Severity}
    return {**head, "checks": checks, **counts}
