"""Whatever comes in, a step answers with values and never raises."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaiven.flow.step import FlowSet, step
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Send
from vaiven.model.events import Event, OptedOut, TimerDue
from vaiven.model.messages import Choice, InboundMessage, Media, MessageKind
from vaiven.model.urns import Urn
from vaiven.testing.talk import SMS, START_MS, WHATSAPP, Talk

HOME = Urn("tel:+12025550123")
BUTTONS = ["tv-vote/pick/1:anna", "tv-vote/pick/x:anna", "tv-vote/none/1:a", "a/b/1:c", "::", "//1:"]
ids = st.one_of(st.text(max_size=20), st.sampled_from(BUTTONS))
WORDS = ["vote", "vote 1", "1", "stop", "\0", "{count.cast}", "{choices}", "v " * 900]
texts = st.one_of(st.text(max_size=30), st.sampled_from(WORDS))
messages = st.builds(
    InboundMessage,
    id=st.just("m"),
    sender=st.just(HOME),
    kind=st.sampled_from(list(MessageKind)),
    text=texts,
    choice=st.one_of(st.none(), st.builds(Choice, id=ids, title=texts)),
    media=st.one_of(st.just(()), st.just((Media("image/png"),))),
    provider_ms=st.one_of(st.none(), st.integers(0, 2**42)),
    consent=st.sampled_from([None, None, "stop", "start", "help", "other"]),
    lang=st.sampled_from([None, "en", "xx", "es-ES"]),
)
timers = st.builds(
    TimerDue,
    key=st.sampled_from(["sms/0/10m", "sms/0/none", "", "x"]),
    session=st.text(max_size=3),
    step=st.sampled_from(["pick", ""]),
    visit=st.integers(-1, 3),
    due_ms=st.integers(0, 2**42),
)
refusals = st.builds(OptedOut, sender=st.just("tel:+12025550100"), reason=st.just("r"))
bodies = st.one_of(messages, messages, messages, timers, refusals)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=st.lists(bodies, max_size=6), skin=st.sampled_from([SMS, WHATSAPP]))
def test_nothing_makes_it_raise_and_the_same_gives_the_same(happened: list[Any], skin: Any, vote_flows: FlowSet) -> None:
    state, facts = ContactState(Contact(HOME)), Talk(vote_flows, skin).facts
    for number, body in enumerate(happened):
        event = Event(f"e{number}", HOME, 0, "sms", START_MS + number, body)
        stepped = step(vote_flows, state, event, facts, START_MS + number)
        assert stepped == step(vote_flows, state, event, facts, START_MS + number)
        assert sum(isinstance(effect, Send) for effect in stepped.effects) <= 1
        sessions = {} if stepped.session is None else {"sms": stepped.session}
        state = ContactState(stepped.contact, sessions)
