"""How a bot stands: who owns what, what waits and since when. The same for ``vaiven status`` and for ``/metrics``."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from vaiven.model.outbox import RowState
from vaiven.stores.contract import Counts, Held, Lag, Role, Store


class Crew(NamedTuple):
    """Who works: processes by role, and the leases they hold."""

    attending: Mapping[Role, Sequence[str]]
    held: Sequence[Held]


class Status(NamedTuple):
    """``now_ms`` is the store's clock, by which ages are told."""

    partitions: int
    now_ms: int
    counts: Counts
    lags: Sequence[Lag]
    crew: Crew


NOBODY = Crew(dict.fromkeys(Role, ()), ())


async def look(store: Store, crew: Crew | None = None) -> Status:
    """Look at an open store; at its crew, too, unless it is given."""
    if crew is None:
        crew = await look_at_crew(store)
    now_ms, counts, lags = await asyncio.gather(store.now_ms(), store.counts(), store.lags())
    return Status(store.partitions, now_ms, counts, lags, crew)


async def look_at_crew(store: Store) -> Crew:
    names = await asyncio.gather(*(store.attend(role, "-", 0) for role in Role))
    return Crew(dict(zip(Role, names, strict=True)), await store.held())


def pack_crew(crew: Crew) -> dict[str, Any]:
    """The crew as JSON may carry it."""
    return {"attending": {str(role): [*names] for role, names in crew.attending.items()}, "held": msgspec.to_builtins(crew.held)}


def unpack_crew(packed: Mapping[str, Any]) -> Crew:
    attending = {Role(role): names for role, names in packed["attending"].items()}
    return Crew(attending, msgspec.convert(packed["held"], list[Held]))


def unowned(status: Status) -> dict[Role, list[int]]:
    """The partitions that nobody owns in a role."""
    owned = {(lease.role, lease.partition) for lease in status.crew.held}
    return {role: [each for each in range(status.partitions) if (role, each) not in owned] for role in Role}


def age_s(now_ms: int, at_ms: int | None) -> float:
    return 0.0 if at_ms is None else max(0.0, (now_ms - at_ms) / 1000)


def plain(status: Status) -> dict[str, Any]:
    """All of it as JSON."""
    counts, free = status.counts, unowned(status)
    return {
        "partitions": status.partitions,
        "roles": {
            str(role): {
                "processes": [*status.crew.attending[role]],
                "owners": owners(status, role),
                "unowned": free[role],
            }
            for role in Role
        },
        "inbox": {
            "waiting": counts.inbox,
            "oldest_s": age_s(status.now_ms, counts.oldest_inbox_ms),
            "partitions": [
                {"partition": lag.partition, "waiting": lag.inbox, "oldest_s": age_s(status.now_ms, lag.oldest_ms)}
                for lag in status.lags
            ],
        },
        "outbox": {
            "classes": dict(sorted(counts.classes.items())),
            "states": {state: count for state, count in sorted(counts.rows.items()) if state != RowState.UNKNOWN},
            "unknown": counts.rows.get(RowState.UNKNOWN, 0),
        },
        "timers": counts.timers,
        "dead": counts.dead,
    }


def owners(status: Status, role: Role) -> dict[str, list[int]]:
    """The partitions of each owner."""
    found: dict[str, list[int]] = defaultdict(list)
    for lease in status.crew.held:
        if lease.role is role:
            found[lease.owner].append(lease.partition)
    return dict(found)


def picture(status: Status) -> str:
    """All of it as a person reads it."""
    counts, free = status.counts, unowned(status)
    lines = [f"{status.partitions} partition{'' if status.partitions == 1 else 's'}"]
    for role in Role:
        names = sorted({*status.crew.attending[role], *owners(status, role)})
        lines.append(f"{role}: {len(names)} process{'' if len(names) == 1 else 'es'}" + (":" if names else ""))
        lines += [f"  {name}  {ranges(owners(status, role).get(name, ()))}" for name in names]
        if free[role]:
            lines.append(f"  nobody  {ranges(free[role])}")
    oldest = f", the oldest for {age_s(status.now_ms, counts.oldest_inbox_ms):.1f} s" if counts.inbox else ""
    lines.append(f"inbox: {counts.inbox} waiting{oldest}")
    worst = sorted(status.lags, key=lambda lag: lag.oldest_ms)[:5] if status.partitions > 1 else ()
    lines += [f"  partition {lag.partition}: {lag.inbox}, {age_s(status.now_ms, lag.oldest_ms):.1f} s" for lag in worst]
    states = {state: count for state, count in counts.rows.items() if state != RowState.UNKNOWN}
    lines.append(f"outbox: {sum(states.values())} under way" + _listed(states))
    if counts.classes:
        lines.append("  by class:" + _listed(counts.classes).removeprefix(":"))
    lines.append(f"unknown: {counts.rows.get(RowState.UNKNOWN, 0)}")
    lines.append(f"timers: {counts.timers}")
    lines.append(f"dead letters: {counts.dead}")
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ": " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) if counts else ""


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as people write them: ``0-3 7 9-10``, and how many; ``none`` if there are none."""
    runs: list[list[int]] = []
    count = 0
    for number in sorted(numbers):
        count += 1
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    if not runs:
        return "none"
    return f"{count}: " + " ".join(f"{first}-{last}" if first != last else f"{first}" for first, last in runs)
