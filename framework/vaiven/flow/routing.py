"""Who takes a message: consent, a button, the step that waits, commands, other flows, in this order.

1 legal words  2 button id  3 exact answer  4 commands  5 close or typed answer  6 other flows' keywords  7 no match
"""

from msgspec.structs import replace as changed

from vaiven.flow.answering import accept, after_keyword, answered
from vaiven.flow.answers import fold
from vaiven.flow.asking import AskNode
from vaiven.flow.draft import Draft
from vaiven.flow.driving import drive, drive_below
from vaiven.flow.frames import node_at, running
from vaiven.flow.starting import bot_command, by_word, certain, enter, return_to, start
from vaiven.flow.triggers import MEANWHILE, NO_ANSWER, REPEAT
from vaiven.flow.waiting import CallNode, RelayNode, WaitingNode
from vaiven.model.messages import Choice, InboundMessage, MessageKind

_REACTION = MessageKind.REACTION
MAX_HELD = 20
"""Messages that wait for the end of a call; the next one is answered with a word of the bot."""


def route(draft: Draft, message: InboundMessage) -> None:
    """Hand a message, that is no legal word, to who takes it. Raises ExpressionError if a label or a bound fails."""
    raw = message.text
    choice = message.choice
    if draft.is_open and not (node := draft.flow.waits[draft.step]).asks:
        _at_rest(draft, node, message)
        return
    if choice is not None:
        if _button(draft, choice):
            return
        raw = raw or choice.title
    draft.input = raw
    if message.kind is _REACTION:
        draft.record("unanswered", message.kind.value)
    elif message.referral is not None and by_word(draft, "referral", message.referral):
        return
    elif message.media or (not raw.strip() and message.kind is not MessageKind.TEXT):
        _file(draft, message, raw)
    elif draft.is_open:
        _in_session(draft, draft.flow.asks[draft.step], fold(raw), raw)
    else:
        start(draft, fold(raw), raw)


# ---- 2: buttons


def _button(draft: Draft, choice: Choice) -> bool:
    """Whether the tap was for a question or a start of ours. Another's button counts as if its title was typed."""
    where, colon, option = choice.id.partition(":")
    mark = where.split("/")
    if not colon or len(mark) != 3 or not mark[2].isdecimal():
        return by_word(draft, "payload", choice.id)
    flow, step, visit = mark
    here = draft.is_open and draft.flow.name == flow and draft.step == step
    known = draft.flow.asks.get(step) if here else None
    if known is None:
        current = draft.flows.flows.get(flow)
        known = current.asks.get(step) if current is not None else None
    if here and known is not None and (visit == str(draft.asked) or known.stale == "accept"):
        answer = known.tapped(draft, option, choice.title, old=visit != str(draft.asked))
        if answer is not None:
            accept(draft, known, answer)
            return True
    if draft.is_open or not _tapped_start(draft, flow, step, option, choice.title):
        _stale(draft, known)
    return True


def _tapped_start(draft: Draft, name: str, step: str, option: str, title: str) -> bool:
    """A choice of a question whose answers start their flow starts it, however old the button is."""
    for flow, entry in draft.flows.answering(draft.event.channel):
        if flow.name == name and entry.rest == step:
            answer = flow.asks[step].tapped(draft.trial(flow), option, title, old=True)
            if answer is not None:
                enter(draft, flow, entry, answer)
                return True
    return False


def _stale(draft: Draft, ask: AskNode | None) -> None:
    draft.record("stale_button")
    if ask is not None and ask.stale == "ignore":
        return
    if draft.is_open:
        draft.because = draft.words.stale
        drive(draft, REPEAT)
    else:
        draft.send(draft.words.stale)


# ---- 3 to 7: the question that waits


def _in_session(draft: Draft, ask: AskNode, folded: str, raw: str) -> None:
    reading = ask.exact(draft, folded, raw)
    words, said = folded, raw
    if reading is None:
        own = draft.flow.keyword(folded.split(" "))
        if own is not None and not own[1]:
            drive(draft, REPEAT)
            return
        if own is not None and own[0].rest == ask.name:
            words, said = own[1], after_keyword(raw, own[1])
            reading = ask.exact(draft, words, said)
    if reading is None:
        if _command(draft, ask, folded):
            return
        reading = ask.typed(draft, words, said)
    if reading is None and ask.interruptible and _interrupt(draft, folded, raw):
        return
    answered(draft, ask, reading, said)


def _command(draft: Draft, node: WaitingNode, folded: str) -> bool:
    """Whether it was a command: of this step and flow, of those that run it, the nearest first, or of the bot."""
    event = node.command_events.get(folded)
    if event is not None:
        drive(draft, event)
        return True
    for depth in running(draft) if draft.lower else ():
        event = node_at(draft, depth).command_events.get(folded)
        if event is not None:
            drive_below(draft, depth, event)
            return True
    return bot_command(draft, folded)


def _interrupt(draft: Draft, folded: str, raw: str) -> bool:
    """Another flow's keyword: the whole message, or with an exact answer to the step that the other words are for.

    At a step that asks nothing the flow's own keyword begins it anew, upon the one that waits.
    """
    found = draft.flows.keyword(folded.split(" "), draft.event.channel)
    # By name: a session may stand in an older version of the flow.
    if found is None or (found[0].name == draft.flow.name and draft.step in draft.flow.asks):
        return False
    flow, entry, rest = found
    answer = None
    if rest:
        answer = certain(draft, flow, entry, rest, after_keyword(raw, rest)) if entry.rest is not None else None
        if answer is None:
            return False
    if not return_to(draft, flow, entry, answer):
        enter(draft, flow, entry, answer)
    return True


def _file(draft: Draft, message: InboundMessage, raw: str) -> None:
    """A photo, a place, or something that nobody knows: an answer only where the type takes it, else its words are."""
    if not draft.is_open:
        start(draft, fold(raw), raw)
        return
    ask = draft.flow.asks[draft.step]
    answer = ask.received(message)
    if answer is not None:
        accept(draft, ask, answer)
    elif raw.strip():
        _in_session(draft, ask, fold(raw), raw)
    else:
        draft.because = draft.words.unread
        drive(draft, NO_ANSWER)
        draft.because = ""


# ---- steps that ask nothing


def _at_rest(draft: Draft, node: WaitingNode, message: InboundMessage) -> None:
    """Old buttons, commands, at a ``wait`` keywords; in a relay only what the step itself names. What is left is recorded."""
    choice = message.choice
    raw = message.text or (choice.title if choice is not None else "")
    folded = fold(raw)
    draft.input = raw
    if isinstance(node, RelayNode):
        event = node.command_events.get(folded)
        if event is not None:
            drive(draft, event)
        else:
            draft.record("relayed", node.queue)
        return
    if choice is not None and _button(draft, choice):
        return
    if message.kind is MessageKind.REACTION or (message.kind is MessageKind.REFERRAL and not node.interruptible):
        draft.record("unanswered", message.kind.value)
    elif folded and _command(draft, node, folded):
        return
    elif isinstance(node, CallNode):
        _meanwhile(draft, node, message)
    elif not node.interruptible or not (_referred(draft, message) or (folded and _interrupt(draft, folded, raw))):
        draft.record("unanswered", draft.where)


def _referred(draft: Draft, message: InboundMessage) -> bool:
    return message.referral is not None and by_word(draft, "referral", message.referral)


def _meanwhile(draft: Draft, node: CallNode, message: InboundMessage) -> None:
    """Somebody writes while a call is under way: it is held, or the step says what becomes of it."""
    if not node.holds:
        draft.record("unanswered", draft.where)
        drive(draft, MEANWHILE)
    elif sum(isinstance(event.body, InboundMessage) for event in draft.held) >= MAX_HELD:
        draft.record("not_held", draft.where)
        draft.send(draft.words.busy)
    else:
        # Its payload stays in the history of this turn.
        draft.held = (*draft.held, changed(draft.event, body=changed(message, raw=b"")))
