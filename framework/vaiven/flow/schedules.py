"""Flows that begin by themselves: some time before an instant of the contact's, or by a cron line. Each is a durable timer."""

from vaiven.flow.cron import read_cron
from vaiven.flow.document import Schedule
from vaiven.flow.draft import Draft
from vaiven.flow.expressions import ExpressionError, holds
from vaiven.flow.flow import Entry, Flow
from vaiven.flow.instants import instant_of, next_ms
from vaiven.flow.starting import by_itself
from vaiven.model.effects import CancelTimer, StartTimer
from vaiven.model.events import TimerDue

MARK = "@"
"""Keys of these timers begin with it; those of sessions begin with the name of their channel."""


def key_of(flow: Flow, entry: Entry) -> str:
    return f"{MARK}{flow.name}/{entry.event}"


def arm_schedules(draft: Draft) -> None:
    """Arm what this turn has set, move what it has changed, cancel what is no more."""
    channel, known = draft.event.channel, draft.schedules
    wanted: dict[str, int] = {}
    steps: dict[str, str] = {}
    for flow, entry in draft.flows.schedules:
        if entry.schedule is not None and flow.takes(channel):
            key = key_of(flow, entry)
            due_ms = _due_ms(draft, flow, entry.schedule, known.get(key))
            if due_ms is not None:
                wanted[key], steps[key] = due_ms, flow.name
    if wanted == known:
        return
    draft.effects.extend(CancelTimer(key) for key in known if key not in wanted)
    draft.effects.extend(StartTimer(key, due, "", steps[key], 0) for key, due in wanted.items() if known.get(key) != due)
    draft.schedules = wanted


def _due_ms(draft: Draft, flow: Flow, schedule: Schedule, armed_ms: int | None) -> int | None:
    """When it is due next; None: it is not for this contact, or too late."""
    at = Draft(draft.flows, draft.changed_contact(), None, draft.event, draft.facts, draft.now_ms).trial(flow)
    try:
        if schedule.condition is not None and not holds(schedule.condition, at.scope):
            return None
        if schedule.cron is not None:
            if armed_ms is not None and armed_ms > draft.now_ms:
                return armed_ms
            return next_ms(read_cron(schedule.cron), at.zone, draft.now_ms)
        value = None if schedule.of is None else schedule.of.evaluate(at.scope)
        if value is None:
            return None
        due_ms = int(instant_of(value, at.zone, draft.now_ms).timestamp() * 1000) - (schedule.before_ms or 0)
        return due_ms if due_ms > draft.now_ms else None
    except ExpressionError:
        draft.record("expression_failed", f"{flow.name}/{MARK}")
        return None
    finally:
        at.leave()


def schedule_due(draft: Draft, due: TimerDue) -> bool:
    """Whether it is still meant: then the flow begins, as by an event."""
    found = next(((flow, entry) for flow, entry in draft.flows.schedules if key_of(flow, entry) == due.key), None)
    meant = draft.schedules.get(due.key) == due.due_ms
    if meant:
        draft.schedules = {key: due_ms for key, due_ms in draft.schedules.items() if key != due.key}
    if found is None or not meant or not _is_for(draft, *found):
        draft.record("stale_timer")
        return False
    by_itself(draft, *found)
    return True


def _is_for(draft: Draft, flow: Flow, entry: Entry) -> bool:
    condition = None if entry.schedule is None else entry.schedule.condition
    if condition is None:
        return True
    at = Draft(draft.flows, draft.contact, None, draft.event, draft.facts, draft.now_ms).trial(flow)
    try:
        return holds(condition, at.scope)
    except ExpressionError:
        draft.record("expression_failed", f"{flow.name}/{MARK}")
        return False
    finally:
        at.leave()
