"""Commands of the bot: under the flow's own at every question, and when no question waits."""

import pytest

from vaiven.flow.document import Command
from vaiven.flow.parse.reader import Reader
from vaiven.flow.parse.routes import command
from vaiven.flow.source import Mapping, read_source
from vaiven.model.contacts import Contact
from vaiven.model.effects import Recorded
from vaiven.model.errors import SettingsError
from vaiven.model.urns import Urn
from vaiven.testing.talk import WHATSAPP, Talk, flows_of

ORDER = """
flow: order
starts: [{keyword: [order]}]
commands:
  price: {words: [price], say: "All cost 5.", back: true}
steps:
  size:
    ask: Which size?
    choices: {small: Small, large: {label: Large, also: [xl]}}
    interruptible: false
  done: {end: "Ordered {size.label}."}
"""
MENU = """
flow: menu
channels: [sms]
starts: [{keyword: [menu]}]
steps:
  what: {ask: "What can we do?", choices: {hours: Hours}}
  hours: {end: "Nine to five."}
"""
COMMANDS = """
rules: {words: [rules], say: ["At most {params.n}, {contact.name}.", {if: params.n > 5, text: Many.}], back: true}
price: {words: [price, cost], say: "Ask us.", back: true}
menu: {words: [what now, xl], go: menu}
"""


def read(text: str) -> tuple[Command, ...]:
    source = read_source(text, "bot.yaml")
    reader = Reader(source)
    assert isinstance(source.root, Mapping)
    found = [command(reader, entry, of_bot=True) for entry in source.root.entries]
    assert not reader.problems
    return tuple(one for one in found if one is not None)


@pytest.fixture
def shop() -> Talk:
    flows = flows_of(ORDER, MENU, params={"n": 9}, commands=read(COMMANDS))
    return Talk(flows, contact=Contact(Urn("tel:+12025550123"), name="Ola"))


def test_it_says_its_text_and_the_question_again(shop: Talk) -> None:
    shop.say("order")
    visit = shop.session.top.visit
    assert shop.say("Rules!") == ["At most 9, Ola.\nMany.\nWhich size?\n1 Small\n2 Large"]
    assert (shop.session.top.visit, shop.session.top.tries) == (visit, 0)


def test_the_answer_and_the_flows_own_command_come_first(shop: Talk) -> None:
    shop.say("order")
    assert shop.say("price") == ["All cost 5.\nWhich size?\n1 Small\n2 Large"]
    assert shop.say("cost") == ["Ask us.\nWhich size?\n1 Small\n2 Large"]
    assert shop.say("XL") == ["Ordered Large."]


def test_it_starts_its_flow_over_the_one_that_waits(shop: Talk) -> None:
    shop.say("order")
    assert shop.say("what now") == ["What can we do?\n1 Hours"]
    assert shop.say("what now") == ["What can we do?\n1 Hours"]
    assert [frame.flow for frame in shop.session.frames] == ["order", "menu"]
    assert shop.say("1") == ["Nine to five.", "Which size?\n1 Small\n2 Large"]


def test_it_is_heard_when_no_question_waits(shop: Talk) -> None:
    assert shop.say("rules") == ["At most 9, Ola.\nMany."]
    assert shop.session is None
    assert not any(isinstance(effect, Recorded) for effect in shop.effects)
    assert shop.say("xl") == ["What can we do?\n1 Hours"]


def test_a_flow_that_the_channel_does_not_serve_is_not_started(shop: Talk) -> None:
    at = Talk(shop.flows, WHATSAPP, channel="whatsapp")
    at.say("order")
    assert at.say("what now") == ["Which size?\n[Small]\n[Large]"]
    assert at.session.top.tries == 1


def test_a_command_that_names_no_flow_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"commands\.menu\.go: no flow is named menu"):
        flows_of(ORDER, params={"n": 1}, commands=read(COMMANDS))
