"""What turns tell: whoever hears all of it knows, of every conversation, who has it. And bots without people tell nothing."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.channels.registry import make_channel
from vaiven.flow.load import load_flows
from vaiven.flow.step import BotSpec, FlowSet
from vaiven.model.calls import HOOKS, TELLS
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.events import Body, Event, Happened
from vaiven.model.messages import InboundMessage
from vaiven.model.outbox import ROWS_A_TURN
from vaiven.model.turns import Taken, Turn
from vaiven.model.urns import Urn, partition_of
from vaiven.runtime import happenings
from vaiven.runtime.decide import Decider, Line
from vaiven.runtime.event_log import told
from vaiven.runtime.feed import Feed
from vaiven.runtime.people import BUILT_IN
from vaiven.runtime.resources import Resources
from vaiven.runtime.telling import event_of

DESK = """
flow: desk
version: 1
lang: en
starts: [fallback: true]
steps:
  menu:
    ask: "Whom?"
    choices:
      sales: {label: Sales, go: sales}
      bills: {label: Bills, go: bills}
      now: {label: Now, go: now}
      off: {label: Off, go: off}
  sales:
    handoff: {queue: sales}
    enter: {say: "Wait."}
    commands: {bills: {words: [bills], go: bills}, menu: {words: [menu], go: menu}}
    when: {agent.joined: talk}
  bills:
    handoff: {queue: bills}
    when: {agent.joined: talk}
  talk:
    relay: talk
    when: {agent.closed: off, agent.returned: menu, moved.on: bills}
  now:
    relay: now
    when: {agent.closed: off, agent.returned: menu}
  off: {end: "Bye.", outcome: done}
"""
VOTE = """
flow: vote
version: 1
lang: en
starts: [fallback: true]
steps:
  name: {ask: "Your name?", as: text}
  off: {end: "Bye.", outcome: done}
"""
ZOE = Urn("tel:+12025550123")
BOT = "shop"
PARTITIONS = 4


class Stage:
    """A bot without a store: turns one after another, and what they tell delivered at once."""

    def __init__(self, source: str = DESK, hooks: dict[str, frozenset[str]] | None = None) -> None:
        documents, problems = load_flows([("desk.flow.yaml", source)], {})
        assert not problems, problems
        line = Line(make_channel("phone", {"type": "simulator"}))
        flows = FlowSet.build(BotSpec(BOT), documents)
        self.decider = Decider(flows, {"phone": line}, resources=Resources(BUILT_IN), feed=Feed(BOT, hooks))
        self.states: dict[Urn, ContactState] = {}
        self.log: list[Any] = []
        self.rows: list[Any] = []
        self.number = self.now_ms = 1_000_000

    def turn(self, body: Body, home: Urn = ZOE, channel: str = "phone", id_: str = "") -> Turn:
        self.number, self.now_ms = self.number + 1, self.now_ms + 1_000
        event = Event(id_ or f"e{self.number}", home, partition_of(home, PARTITIONS), channel, self.now_ms, body)
        state = self.states.get(home) or ContactState(Contact(home))
        turn = self.decider.decide(Taken(self.number, event), 1, state, self.now_ms)
        if turn.state is not None:
            self.states[home] = turn.state
        if home == happenings.log_home(BOT) and turn.record is not None and (found := told(turn.record)):
            self.log.append(found)
        for row in turn.rows:
            self.rows.append(row)
            if row.channel == TELLS:
                word = event_of(row, row.tell, PARTITIONS, self.now_ms)
                self.turn(word.body, word.home, word.channel, word.id)
        return turn

    def says(self, text: str) -> Turn:
        return self.turn(InboundMessage(f"m{self.number}", ZOE, text=text))

    def does(self, name: str, agent: str, **data: str) -> Turn:
        return self.turn(Happened(name, {"agent": agent, "name": agent.title(), **data}))

    def kinds(self) -> list[str]:
        return [each.kind.removeprefix("conversation.") for each in self.log]

    def stands(self) -> tuple[str, str, str]:
        """Who has it, as it is: controller, queue, agent."""
        state = self.states.get(ZOE) or ContactState(Contact(ZOE))
        if desk := state.contact.desks.get("phone"):
            return ("taken" if desk.agent else "waiting"), desk.queue, desk.agent
        session = state.sessions.get("phone")
        for frame in session.frames if session else ():
            if frame.step in ("sales", "bills"):
                return "waiting", frame.step, ""
        return "bot", "", ""


def heard(log: list[Any]) -> tuple[str, str, str]:
    """Who has it, by all that was told."""
    stands = ("bot", "", "")
    for each in log:
        match each.kind:
            case happenings.OPENED:
                stands = ("waiting", each.queue, "")
            case happenings.TAKEN:
                stands = ("taken", each.queue, each.agent.id)
            case happenings.RETURNED | happenings.CLOSED:
                stands = ("bot", "", "")
    return stands


ACTS = [Happened(name, {"agent": agent, "name": agent.title(), "text": "x"}) for agent in ("ana", "bea") for name in (
    "agent.joined", "agent.says", "agent.noted", "agent.returned", "agent.closed")]  # fmt: skip
WORDS = ["1", "2", "3", "4", "bills", "menu", "hello", "STOP", "START"]
STEPS = st.lists(st.sampled_from([*ACTS, Happened("moved.on", {}), *WORDS]), max_size=14)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_who_hears_all_of_it_knows_who_has_it(steps: list[Body | str]) -> None:
    stage = Stage()
    for step in steps:
        stage.says(step) if isinstance(step, str) else stage.turn(step)
        assert heard(stage.log) == stage.stands(), (step, stage.kinds())
    ids, numbers = [each.id for each in stage.log], [each.number for each in stage.log]
    assert len(set(ids)) == len(ids)
    assert numbers == sorted(set(numbers))


def test_moving_on_from_desk_to_desk_is_told() -> None:
    stage = Stage()
    for each in ("hi", "1"):
        stage.says(each)
    stage.does("agent.joined", "ana")
    stage.turn(Happened("moved.on", {}))
    assert stage.kinds() == ["opened", "message", "taken", "returned", "opened"]
    assert [each.queue for each in stage.log] == ["sales", "sales", "talk", "bills", "bills"]
    stage.says("still here")
    assert (stage.kinds()[-1], stage.log[-1].by, stage.log[-1].queue) == ("message", "person", "bills")


def test_whoever_takes_what_the_flow_gave_to_nobody_is_told() -> None:
    stage = Stage()
    for each in ("hi", "3"):
        stage.says(each)
    stage.does("agent.joined", "ana")
    stage.does("agent.says", "ana", text="Hello.")
    stage.does("agent.noted", "bea", text="Careful.")
    stage.does("agent.closed", "ana")
    assert stage.kinds() == ["opened", "taken", "message", "noted", "closed"]
    assert [(each.by, each.agent.id if each.agent else "") for each in stage.log] == [
        ("bot", ""),
        ("agent", "ana"),
        ("agent", "ana"),
        ("agent", "bea"),
        ("agent", "ana"),
    ]


def test_changing_queues_and_leaving_them_is_told() -> None:
    stage = Stage()
    for each in ("hi", "1", "bills", "STOP"):
        stage.says(each)
    assert [(kind, each.queue) for kind, each in zip(stage.kinds(), stage.log, strict=True)] == [
        ("opened", "sales"),
        ("message", "sales"),
        ("message", "bills"),
        ("opened", "bills"),
        ("message", "bills"),
        ("returned", "bills"),
    ]


def test_a_refused_act_tells_nothing() -> None:
    stage = Stage()
    for each in ("hi", "1"):
        stage.says(each)
    stage.does("agent.joined", "ana")
    told_before = len(stage.log)
    for name in ("agent.joined", "agent.says", "agent.closed", "agent.returned"):
        stage.does(name, "bea", text="x")
    assert len(stage.log) == told_before


def test_the_same_word_again_tells_nothing_again() -> None:
    stage = Stage()
    stage.says("hi")
    stage.turn(InboundMessage("m9", ZOE, text="1"), id_="phone:m9")
    told_before = len(stage.log)
    assert told_before
    stage.turn(InboundMessage("m9", ZOE, text="1"), id_="phone:m9")
    (row,) = [row for row in stage.rows if row.channel == TELLS and row.tell.name == happenings.OPENED]
    word = event_of(row, row.tell, PARTITIONS, stage.now_ms)
    stage.turn(word.body, word.home, word.channel, word.id)
    assert len(stage.log) == told_before


def test_each_webhook_gets_a_row_of_what_it_wants_in_its_conversations_lane() -> None:
    stage = Stage(hooks={"all": frozenset(happenings.KINDS), "some": frozenset({happenings.TAKEN})})
    for each in ("hi", "1"):
        stage.says(each)
    stage.does("agent.joined", "ana")
    rows = [row for row in stage.rows if row.channel == HOOKS]
    assert [(row.to, row.tell.name.removeprefix("conversation.")) for row in rows] == [
        ("hook:all", "opened"),
        ("hook:all", "message"),
        ("hook:all", "taken"),
        ("hook:some", "taken"),
    ]
    assert len({row.home for row in rows}) == 2
    by_number = {each.number: each for each in stage.log}
    for row in rows:
        event = by_number[row.row // ROWS_A_TURN]
        assert (row.tell.name, row.tell.data["id"]) == (event.kind, event.id)


def test_a_bot_without_people_tells_nothing() -> None:
    stage = Stage(VOTE, {"all": frozenset(happenings.KINDS)})
    for each in ("hi", "Zoe", "hi"):
        assert all(row.channel == "phone" for row in stage.says(each).rows)
    stage.does("agent.noted", "ana", text="x")
    assert not stage.log
    assert not [row for row in stage.rows if row.tell]


def test_what_was_not_delivered_is_set_aside_once_and_then_told_to_that_webhook() -> None:
    stage = Stage(hooks={"one": frozenset(happenings.KINDS), "two": frozenset(happenings.KINDS)})
    data = {"id": "evt_1_2", "number": 3, "conversation": "x"}
    body = Happened(
        happenings.UNDELIVERED, {"hook": "two", "kind": happenings.TAKEN, "event": data, "gave_up": stage.now_ms + 1_000}
    )
    log = happenings.log_home(BOT)
    assert stage.turn(body, log, "").buried
    (row,) = stage.turn(body, log, "").rows
    assert (row.channel, row.to, row.tell.name, row.tell.data) == (HOOKS, "hook:two", happenings.TAKEN, data)
