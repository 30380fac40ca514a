"""What the store's own promises tell: does the work get done."""

from collections.abc import Iterator

from vaiven.edge.doctor.facts import StoreFacts
from vaiven.edge.doctor.findings import Code, Finding, fail, ok, warn
from vaiven.stores.contract import Counts, Held, Role

CLOCK_MS = (1_000, 30_000)
"""From here on a clock's offset is to mind, and fails."""
LAG_MS = (10_000, 60_000)
BACKLOG_MS = 600_000
MANY_RETRIES = 10


def check_store(facts: StoreFacts) -> Iterator[Finding]:
    """Opened, in time, and going on."""
    if facts.error:
        if facts.is_new:
            yield warn(Code.STORE, facts.error, "`vaiven run` makes it.")
        else:
            yield fail(Code.STORE, facts.error, "Mend this first; `vaiven run` would say the same.")
        return
    yield ok(Code.STORE, "it answers")
    yield ok(Code.PARTITIONS, f"{facts.partitions} recorded in the store")
    yield _clock(facts)
    if facts.counts is not None:
        if facts.held is not None:
            yield _owners(facts.partitions, facts.held, facts.counts)
        yield _lag(facts, facts.counts)
        yield _backlog(facts, facts.counts)
        yield from _channels(facts)
        yield from _set_aside(facts.counts)


def _clock(facts: StoreFacts) -> Finding:
    off_ms, unsure = abs(facts.offset_ms), f" (give or take {facts.unsure_ms} ms)"
    certain_ms = max(0, off_ms - facts.unsure_ms)
    told = f"the store's clock is {off_ms} ms {'before' if facts.offset_ms > 0 else 'behind'} this machine's{unsure}"
    cure = "Run a time service (chrony, systemd-timesyncd) on every machine: windows and timers go by the clock."
    if certain_ms >= CLOCK_MS[1]:
        return fail(Code.CLOCK, told, cure)
    if certain_ms >= CLOCK_MS[0]:
        return warn(Code.CLOCK, told, cure)
    return ok(Code.CLOCK, f"this machine and the store agree within {max(off_ms, facts.unsure_ms)} ms")


def _owners(partitions: int, leases: tuple[Held, ...], counts: Counts) -> Finding:
    turn = {held.partition for held in leases if held.role is Role.TURN}
    send = {held.partition for held in leases if held.role is Role.SEND}
    processes = len({held.owner for held in leases})
    if not leases:
        work = counts.inbox or counts.rows.keys() - {"unknown"}
        told = "no process serves from this store" + (", and work waits in it" if work else "")
        return warn(Code.OWNERS, told, "Start it: vaiven run.")
    lacking = [
        f"{partitions - len(mine)} of {partitions} partitions have nobody who {does}"
        for mine, does in ((turn, "takes turns"), (send, "sends"))
        if len(mine) < partitions
    ]
    if lacking:
        cure = "If it lasts: start processes with the roles turn and send; a new owner takes over within seconds."
        return fail(Code.OWNERS, "; ".join(lacking), cure)
    return ok(Code.OWNERS, f"every partition is owned for turns and for sending, by {_count(processes, 'process', 'es')}")


def _lag(facts: StoreFacts, counts: Counts) -> Finding:
    if not counts.inbox or counts.oldest_inbox_ms is None:
        return ok(Code.LAG, "no event waits")
    age_ms = max(0, facts.now_ms - counts.oldest_inbox_ms)
    told = f"{_count(counts.inbox, 'event')} waiting, the oldest for {_span(age_ms)}"
    cure = "More processes with the role turn, or a look into the log for what fails."
    if age_ms >= LAG_MS[1]:
        return fail(Code.LAG, told, cure)
    return warn(Code.LAG, told, cure) if age_ms >= LAG_MS[0] else ok(Code.LAG, told)


def _backlog(facts: StoreFacts, counts: Counts) -> Finding:
    waiting = sum(count for state, count in counts.rows.items() if state != "unknown")
    if not waiting or facts.oldest_row_ms is None:
        return ok(Code.BACKLOG, "no message waits to be sent" if not waiting else f"{waiting} messages wait to be sent")
    age_ms = max(0, facts.now_ms - facts.oldest_row_ms)
    told = f"{_count(waiting, 'message')} to be sent, the oldest made {_span(age_ms)} ago"
    if counts.classes:
        told += f" ({', '.join(f'{count} {name}' for name, count in sorted(counts.classes.items()))})"
    if age_ms >= BACKLOG_MS:
        return warn(
            Code.BACKLOG, told, "More rate at the provider, more senders, or fewer messages: see `rate` and `connections`."
        )
    return ok(Code.BACKLOG, told)


def _channels(facts: StoreFacts) -> Iterator[Finding]:
    for failing in facts.failing:
        count = sum(failing.reasons.values())
        worst = sorted(failing.reasons.items(), key=lambda each: (-each[1], each[0]))[:3]
        told = f"{_count(count, 'message')} to be tried again: {', '.join(f'{many} {reason}' for reason, many in worst)}"
        cure = "Look the code up at the provider; messages stay in the queue until it is mended."
        yield (
            warn(Code.CHANNEL, told, cure, failing.channel) if count >= MANY_RETRIES else ok(Code.CHANNEL, told, failing.channel)
        )


def _set_aside(counts: Counts) -> Iterator[Finding]:
    unknown = counts.rows.get("unknown", 0)
    if unknown:
        told = f"{_count(unknown, 'message')} whose outcome nobody knows"
        yield warn(Code.UNKNOWN, told, "Look them up at the provider: `vaiven status` and docs/run.md tell how.")
    else:
        yield ok(Code.UNKNOWN, "the outcome of every message is known")
    if counts.dead:
        told = f"{_count(counts.dead, 'event')} set aside"
        yield warn(Code.DEAD, told, "`vaiven dead list` tells why; then retry or drop them.")
    else:
        yield ok(Code.DEAD, "no event is set aside")


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"


def _span(ms: int) -> str:
    for unit_ms, name in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min")):
        if ms >= 2 * unit_ms:
            return f"{ms // unit_ms} {name}"
    return f"{ms / 1000:.0f} s"
