"""Every kind of event and effect is shown in one word and one line, without what a flow put into a call."""

from typing import get_args

import pytest

from vaiven.edge.console.phone import Plain, view
from vaiven.model.calls import CALLS, ActionCall, HttpCall, OutboundCall
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.effects import Call, Control, Effect, HandOff, Tell
from vaiven.model.events import Body, CallAnswered, Happened, StartFlow
from vaiven.model.messages import OutboundMessage
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import Urn
from vaiven.testing.builders import AT_MS, HOME, make_event, make_row

PLAIN = Plain(frozenset(), {})
HTTP = HttpCall("POST", "https://api.example/orders/AB123456?who=Ola", body=b"{}")


def shown(body: Body | None = None, *effects: Effect) -> dict:
    event = make_event(body=body)
    row = make_row(event, 1, 0, channel=CALLS, message=OutboundMessage(""), call=OutboundCall(HTTP, "sms", "s", "x", 1, 1_000))
    record = TurnRecord(1, 1, 0, AT_MS, event, effects)
    told = view(HOME, "sms", True, ContactState(Contact(HOME)), [record], [row], PLAIN)
    assert [message["direction"] for message in told["messages"]] == (["in"] if body is None else []), "a call is no message"
    return told["turns"][0]


@pytest.mark.parametrize(
    ("effect", "do", "text"),
    [
        (Call(HTTP, "s", "x", 1, 1_000), "call", "POST api.example"),
        (Call(ActionCall("desk.ticket", {"text": "Ola"}), "s", "x", 1, 1_000), "call", "desk.ticket"),
        (Tell(Urn("res:bistro/slots/friday"), "reserve", {"who": "Ola"}), "tell", "res:bistro/slots/friday: reserve"),
        (Control("agent", "support"), "control", "agent support"),
        (HandOff("support", "s", 1, shared={"order": "AB123456"}), "hand off", "support"),
        (HandOff("support", "s", 1, left=True), "hand off", "support, left"),
    ],
)
def test_an_effect(effect: Effect, do: str, text: str) -> None:
    assert shown(None, effect)["effects"] == [{"do": do, "text": text}]


@pytest.mark.parametrize(
    ("body", "is_", "text"),
    [
        (CallAnswered("s", "slots", 1, 200, {"name": "Ola"}), "answer", "slots: 200"),
        (CallAnswered("s", "slots", 1, 503, reason="http 503"), "answer", "slots: http 503"),
        (CallAnswered("s", "ticket", 1), "answer", "ticket: done"),
        (Happened("order.shipped", {"to": "Ola"}), "event", "order.shipped"),
        (Happened("reserved", sender=Urn("res:bistro/slots/friday")), "event", "reserved, from res:bistro/slots/friday"),
        (StartFlow("reminder", {"name": "Ola"}), "start", "reminder"),
    ],
)
def test_an_event(body: Body, is_: str, text: str) -> None:
    assert shown(body)["came"] == {"is": is_, "text": text}


def test_there_are_no_other_kinds() -> None:
    assert {each.__name__ for each in get_args(Effect)} >= {"Call", "Tell", "Control", "HandOff"}
    assert len(get_args(Effect)) == 12
    assert len(get_args(Body)) == 8
