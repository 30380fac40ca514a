"""Ways into a flow: by what people write, by what happens elsewhere, by the clock; and back to one that is open already."""

from collections.abc import Mapping
from typing import Any

from vaiven.flow.answering import after_keyword, answered
from vaiven.flow.answers import Understood, fold
from vaiven.flow.asking import AskNode
from vaiven.flow.draft import FRAMES, Draft
from vaiven.flow.driving import begin, drive
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.flow import Entry, Flow
from vaiven.flow.frames import leave_top, node_at
from vaiven.flow.taking import Reading
from vaiven.flow.triggers import REPEAT
from vaiven.model.effects import TallyOutcome


def start(draft: Draft, folded: str, raw: str) -> None:
    """Nothing is open: keyword, answer that starts a flow, intent, the bot's commands, the fallback, the bot's help."""
    flows, channel = draft.flows, draft.event.channel
    found = flows.keyword(folded.split(" "), channel) if folded else None
    if found is not None:
        flow, entry, rest = found
        enter(draft, flow, entry, rest=rest, raw=after_keyword(raw, rest))
        return
    for flow, entry in flows.answering(channel) if folded else ():
        answer = certain(draft, flow, entry, folded, raw)
        if answer is not None:
            enter(draft, flow, entry, answer)
            return
    if bot_command(draft, folded):
        return
    intent = _recognised(draft, raw) if flows.recogniser is not None and folded else None
    meant = flows.way("intent", intent, channel) if intent is not None else None
    if meant is not None:
        enter(draft, *meant)
        return
    fallback = flows.fallback(channel)
    if fallback is not None:
        enter(draft, *fallback)
    else:
        draft.record("unanswered", "no_start")
        draft.send(draft.words.help)


def _recognised(draft: Draft, raw: str) -> str | None:
    """The intent of a text. A recogniser that raises knows none, and history tells."""
    flows = draft.flows
    try:
        return flows.recogniser(raw, draft.lang or flows.spec.lang) if flows.recogniser is not None else None
    except Exception as error:  # noqa: BLE001  whatever it is, the event must not come again and again
        draft.record("recogniser_failed", type(error).__name__)
        return None


def by_word(draft: Draft, kind: str, word: str) -> bool:
    """Whether a payload or a referral of this word starts a flow, or leads back to it where it waits."""
    found = draft.flows.way(kind, word, draft.event.channel)
    if found is None or (draft.is_open and not draft.flow.waits[draft.step].interruptible):
        return False
    flow, entry = found
    if not return_to(draft, flow):
        enter(draft, flow, entry)
    return True


def by_itself(draft: Draft, flow: Flow, entry: Entry, values: Mapping[str, Any] | None = None) -> None:
    """Nobody wrote: an event, the business or the clock starts a flow, unless that would speak into something else.

    History tells why it did not: ``opted_out``, or ``busy`` at a step that is not to be interrupted.
    """
    if draft.facts.sender in draft.opt_outs:
        draft.record("not_started", "opted_out")
    elif draft.is_open and not draft.flow.waits[draft.step].interruptible:
        draft.record("not_started", "busy")
    elif draft.has_open(flow.name):
        draft.record("not_started", "open")
    else:
        enter(draft, flow, entry, values=values)


def enter(
    draft: Draft,
    flow: Flow,
    entry: Entry,
    answer: Understood | None = None,
    rest: str = "",
    raw: str = "",
    values: Mapping[str, Any] | None = None,
) -> None:
    """Begin a flow at an entry: with an answer, with words that may be one, or with neither. Outside its window: turn away."""
    if len(draft.lower) + 1 >= FRAMES:
        draft.record("too_many_frames", flow.name)
        drive(draft, REPEAT)
        return
    begin(draft, flow, values)
    ask = flow.asks[entry.rest] if entry.rest is not None and (rest or answer is not None) else None
    verdict = flow.window.judge(draft.event.happened_ms)
    if verdict is not None and flow.window.goes(verdict):
        if ask is not None:
            _turn_away(draft, flow, ask, answer or ask.exact(draft, rest, raw) or ask.typed(draft, rest, raw), verdict)
        drive(draft, verdict)
        return
    if ask is None:
        drive(draft, entry.event)
        return
    drive(draft, entry.rest_event)
    if draft.is_open and draft.flow is flow and draft.step == ask.name:
        answered(draft, ask, answer or ask.exact(draft, rest, raw) or ask.typed(draft, rest, raw), answer.raw if answer else raw)


def _turn_away(draft: Draft, flow: Flow, ask: AskNode, reading: Reading, verdict: str) -> None:
    """A vote that came too early or too late is accepted and rejected, with its reason, in every poll of the flow."""
    if not isinstance(reading, Understood):
        return
    ask.take(draft, reading)
    fallback = reading.id if reading.id is not None else str(reading.value)
    told = [tally.turned_away(draft, fallback, TallyOutcome(verdict)) for tally in flow.tallies]
    draft.effects.extend(dict.fromkeys(tally for tally in told if tally is not None))


def certain(draft: Draft, flow: Flow, entry: Entry, folded: str, raw: str) -> Understood | None:
    """The answer that these words certainly are to the question of this entry. A flow that fails at it does not hear them."""
    try:
        return flow.asks[entry.rest or ""].plain(draft.trial(flow), folded, raw)
    except ExpressionError:
        draft.record("expression_failed", f"{flow.name}/{entry.rest}")
        return None


def return_to(draft: Draft, flow: Flow, entry: Entry | None = None, answer: Understood | None = None) -> bool:
    """Where that flow, or one that it runs, waits for an answer: leave what lies upon it. The question is asked again, unless
    this is its answer. False: it is not open, or waits for something else than words.
    """
    names = [*(frame.flow for frame in draft.lower), draft.flow.name] if draft.is_open else []
    if flow.name not in names:
        return False
    depth = len(names) - 1 - names[::-1].index(flow.name)
    while node_at(draft, depth).runs:
        depth += 1
    if not node_at(draft, depth).asks:
        return False
    while len(draft.lower) > depth:
        leave_top(draft)
    ask = draft.flow.asks.get(draft.step)
    if ask is not None and entry is not None and answer is not None and ask.name == entry.rest and draft.flow.name == flow.name:
        answered(draft, ask, ask.plain(draft, fold(answer.raw), answer.raw), answer.raw)
    else:
        drive(draft, draft.entry or REPEAT)
    return True


def bot_command(draft: Draft, folded: str) -> bool:
    """Whether it was a command of the bot, which works wherever commands do, and when nothing is open."""
    lang = draft.flows.languages.get(folded)
    if lang is not None:
        _speak(draft, lang)
        return True
    command = draft.flows.command(folded, draft.event.channel)
    if command is None:
        return False
    if command.flow is not None:
        if not return_to(draft, command.flow):
            enter(draft, command.flow, command.entry)
    elif command.said is not None and draft.is_open:
        draft.because = command.said.text(draft)
        drive(draft, REPEAT)
    elif command.said is not None:
        # Its text reads nothing of any flow, so it can be made in whichever there is.
        draft.send(command.said.text(draft.trial(next(iter(draft.flows.flows.values())))))
    return True


def _speak(draft: Draft, lang: str) -> None:
    """Go on in another language: the question that waits is asked in it. No visit, no try, no timer changes."""
    draft.speak(lang)
    if not draft.is_open:
        draft.send(draft.words.switched)
        return
    if not draft.flow.waits[draft.step].asks:
        draft.because = draft.words.switched
    drive(draft, REPEAT)
