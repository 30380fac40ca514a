"""Who takes a message: consent, a button, the question that waits, commands, other flows, in this order.

1 legal words  2 button id  3 exact answer  4 commands  5 close or typed answer  6 other flows' keywords  7 no match
"""

from vaiven.flow.answers import Ambiguous, Outside, Understood, fold
from vaiven.flow.asking import AskNode, Reading
from vaiven.flow.compile import ANSWER, NO_ANSWER, REPEAT, WHICH, reject_event
from vaiven.flow.draft import Draft
from vaiven.flow.driving import begin, drive
from vaiven.flow.expressions import ExpressionError
from vaiven.flow.flow import Entry, Flow
from vaiven.model.effects import TallyOutcome
from vaiven.model.messages import Choice, InboundMessage, MessageKind

LEFT = "left"
"""Outcome of a flow that someone left for one below it."""


def route(draft: Draft, message: InboundMessage) -> None:
    """Hand a message, that is no legal word, to who takes it. Raises ExpressionError if a label or a bound fails."""
    raw = message.text
    choice = message.choice
    if choice is not None:
        if _button(draft, choice):
            return
        raw = raw or choice.title
    draft.input = raw
    if message.kind is MessageKind.REACTION:
        draft.record("unanswered", message.kind.value)
    elif message.media or (not raw.strip() and message.kind is not MessageKind.TEXT):
        _file(draft, message, raw)
    elif draft.is_open:
        _in_session(draft, draft.flow.asks[draft.step], fold(raw), raw)
    else:
        _start(draft, fold(raw), raw)


# ---- 2: buttons


def _button(draft: Draft, choice: Choice) -> bool:
    """Whether the tap was for a question or a start of ours. Another's button counts as if its title was typed."""
    where, colon, option = choice.id.partition(":")
    mark = where.split("/")
    if not colon or len(mark) != 3 or not mark[2].isdecimal():
        return _payload(draft, choice.id)
    flow, step, visit = mark
    here = draft.is_open and draft.flow.name == flow and draft.step == step
    known = draft.flow.asks.get(step) if here else None
    if known is None:
        current = draft.flows.flows.get(flow)
        known = current.asks.get(step) if current is not None else None
    if here and known is not None and (visit == str(draft.asked) or known.stale == "accept"):
        answer = known.tapped(draft, option, choice.title)
        if answer is not None:
            _accept(draft, known, answer)
            return True
    if draft.is_open or not _tapped_start(draft, flow, step, option, choice.title):
        _stale(draft, known)
    return True


def _payload(draft: Draft, payload: str) -> bool:
    found = draft.flows.payload(payload, draft.event.channel)
    if found is None or (draft.is_open and not draft.flow.asks[draft.step].interruptible):
        return False
    flow, entry = found
    if not _return_to(draft, flow):
        _enter(draft, flow, entry)
    return True


def _tapped_start(draft: Draft, name: str, step: str, option: str, title: str) -> bool:
    """A choice of a question whose answers start their flow starts it, however old the button is."""
    for flow, entry in draft.flows.answering(draft.event.channel):
        if flow.name == name and entry.rest == step:
            answer = flow.asks[step].tapped(draft.trial(flow), option, title)
            if answer is not None:
                _enter(draft, flow, entry, answer)
                return True
    return False


def _stale(draft: Draft, ask: AskNode | None) -> None:
    draft.record("stale_button")
    if ask is not None and ask.stale == "ignore":
        return
    if draft.is_open:
        draft.because = draft.flows.spec.words.stale
        drive(draft, REPEAT)
    else:
        draft.send(draft.flows.spec.words.stale)


# ---- 3 to 7: the question that waits


def _in_session(draft: Draft, ask: AskNode, folded: str, raw: str) -> None:
    reading = ask.exact(draft, folded, raw)
    answered, said = folded, raw
    if reading is None:
        own = draft.flow.keyword(folded.split(" "))
        if own is not None and not own[1]:
            drive(draft, REPEAT)
            return
        if own is not None and own[0].rest == ask.name:
            answered, said = own[1], _after_keyword(raw, own[1])
            reading = ask.exact(draft, answered, said)
    if reading is None:
        command = ask.command_events.get(folded)
        if command is not None:
            drive(draft, command)
            return
        if _command(draft, folded):
            return
        reading = ask.typed(draft, answered, said)
    if reading is None and ask.interruptible and _interrupt(draft, folded, raw):
        return
    _answered(draft, ask, reading, said)


def _command(draft: Draft, folded: str) -> bool:
    """Whether it was a command of the bot, which works at every question, and when none waits."""
    command = draft.flows.command(folded, draft.event.channel)
    if command is None:
        return False
    if command.flow is not None:
        if not _return_to(draft, command.flow):
            _enter(draft, command.flow, command.entry)
    elif command.said is not None and draft.is_open:
        draft.because = command.said.text(draft)
        drive(draft, REPEAT)
    elif command.said is not None:
        # Its text reads nothing of any flow, so it can be made in whichever there is.
        draft.send(command.said.text(draft.trial(next(iter(draft.flows.flows.values())))))
    return True


def _answered(draft: Draft, ask: AskNode, reading: Reading, raw: str) -> None:
    """Tell the machine what became of an answer."""
    draft.input = raw
    if isinstance(reading, Understood):
        _accept(draft, ask, reading)
    elif isinstance(reading, Ambiguous):
        draft.offered = reading.ids
        drive(draft, WHICH)
    elif isinstance(reading, Outside) and reading.bound in ask.reject:
        draft.input = reading.value
        drive(draft, reject_event(reading.bound))
    else:
        drive(draft, NO_ANSWER)


def _accept(draft: Draft, ask: AskNode, answer: Understood) -> None:
    draft.input = answer.raw
    ask.take(draft, answer)
    drive(draft, ANSWER)


def _file(draft: Draft, message: InboundMessage, raw: str) -> None:
    """A photo, a place, or something that nobody knows: an answer only where the type takes it, else its words are."""
    if not draft.is_open:
        _start(draft, fold(raw), raw)
        return
    ask = draft.flow.asks[draft.step]
    answer = ask.media(message)
    if answer is not None:
        _accept(draft, ask, answer)
    elif raw.strip():
        _in_session(draft, ask, fold(raw), raw)
    else:
        draft.because = draft.flows.spec.words.unread
        drive(draft, NO_ANSWER)
        draft.because = ""


def _interrupt(draft: Draft, folded: str, raw: str) -> bool:
    """Another flow's keyword: the whole message, or with an exact answer to the step that the other words are for."""
    found = draft.flows.keyword(folded.split(" "), draft.event.channel)
    # By name: a session may stand in an older version of the flow.
    if found is None or found[0].name == draft.flow.name:
        return False
    flow, entry, rest = found
    answer = None
    if rest:
        answer = _certain(draft, flow, entry, rest, _after_keyword(raw, rest)) if entry.rest is not None else None
        if answer is None:
            return False
    if not _return_to(draft, flow, entry, answer):
        _enter(draft, flow, entry, answer)
    return True


def _return_to(draft: Draft, flow: Flow, entry: Entry | None = None, answer: Understood | None = None) -> bool:
    """Where that flow waits below, or on top: leave what is above it. Its question is asked again, unless this is its answer."""
    if not draft.has_open(flow.name):
        return False
    while draft.flow.name != flow.name:
        draft.ended = LEFT
        draft.pop()
    ask = draft.flow.asks[draft.step]
    if entry is not None and answer is not None and ask.name == entry.rest:
        _answered(draft, ask, ask.plain(draft, fold(answer.raw), answer.raw), answer.raw)
    else:
        drive(draft, REPEAT)
    return True


def _certain(draft: Draft, flow: Flow, entry: Entry, folded: str, raw: str) -> Understood | None:
    """The answer that these words certainly are to the question of this entry. A flow that fails at it does not hear them."""
    try:
        return flow.asks[entry.rest or ""].plain(draft.trial(flow), folded, raw)
    except ExpressionError:
        draft.record("expression_failed", f"{flow.name}/{entry.rest}")
        return None


# ---- ways in, when no session is open


def _start(draft: Draft, folded: str, raw: str) -> None:
    """Keyword, then an answer that starts a flow, then the bot's commands, then the fallback, then the bot's help."""
    flows, channel = draft.flows, draft.event.channel
    found = flows.keyword(folded.split(" "), channel) if folded else None
    if found is not None:
        flow, entry, rest = found
        _enter(draft, flow, entry, rest=rest, raw=_after_keyword(raw, rest))
        return
    for flow, entry in flows.answering(channel) if folded else ():
        answer = _certain(draft, flow, entry, folded, raw)
        if answer is not None:
            _enter(draft, flow, entry, answer)
            return
    if _command(draft, folded):
        return
    fallback = flows.fallback(channel)
    if fallback is not None:
        _enter(draft, *fallback)
    else:
        draft.record("unanswered", "no_start")
        draft.send(flows.spec.words.help)


def _enter(draft: Draft, flow: Flow, entry: Entry, answer: Understood | None = None, rest: str = "", raw: str = "") -> None:
    """Begin a flow at an entry: with an answer, with words that may be one, or with neither. Outside its window: turn away."""
    begin(draft, flow)
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
        _answered(draft, ask, answer or ask.exact(draft, rest, raw) or ask.typed(draft, rest, raw), answer.raw if answer else raw)


def _turn_away(draft: Draft, flow: Flow, ask: AskNode, reading: Reading, verdict: str) -> None:
    """A vote that came too early or too late is accepted and rejected, with its reason, in every poll of the flow."""
    if not isinstance(reading, Understood):
        return
    ask.take(draft, reading)
    fallback = reading.id if reading.id is not None else str(reading.value)
    told = [tally.turned_away(draft, fallback, TallyOutcome(verdict)) for tally in flow.tallies]
    draft.effects.extend(dict.fromkeys(tally for tally in told if tally is not None))


def _after_keyword(raw: str, rest: str) -> str:
    """What was typed after the keyword, as it was typed, where that can be told; else as it was folded."""
    words = raw.split()
    for start in range(1, len(words)):
        tail = " ".join(words[start:])
        if fold(tail) == rest:
            return tail
    return rest
