"""Ways in: by what people write, by what happens, by the business, by the clock."""

from collections.abc import Callable
from typing import Any

import pytest

from vaiven.model.contacts import Contact
from vaiven.model.effects import CancelTimer, Recorded, StartTimer
from vaiven.model.messages import InboundMessage, MessageKind
from vaiven.model.urns import Urn
from vaiven.testing.talk import START_MS, Talk, instant_ms

Make = Callable[..., Talk]
HOME = Urn("tel:+12025550123")

SHOP = """
flow: shop
starts:
  - keyword: shop
  - referral: [ad7]
  - event: cart.left
  - api: true
  - intent: buy
  - payload: again
    go: more
vars: {goods: text, price: {type: integer, default: 1}}
steps:
  q: {ask: "Buy {goods} for {price}? {result.note}", as: confirm, then: {accept: more, decline: e}}
  more: {ask: "How many?", as: integer}
  e: {end: "Bye."}
"""
OTHER = """
flow: other
starts: [{keyword: other}]
steps:
  q: {ask: "Other?", as: integer}
  c: {call: find}
  e: {end: "Other done."}
"""


def what(talk: Talk) -> list[tuple[str, str]]:
    return [(effect.what, effect.detail) for effect in talk.effects if isinstance(effect, Recorded)]


def message(**fields: Any) -> InboundMessage:
    return InboundMessage(id="m", sender=HOME, **fields)


def test_a_referral_starts_a_flow(talk: Make) -> None:
    at = talk(SHOP, OTHER)
    assert at.send(message(kind=MessageKind.REFERRAL, referral="ad7")) == ["Buy  for 1? "]
    at = talk(SHOP, OTHER)
    assert at.send(message(text="Hi there", referral="ad7")) == ["Buy  for 1? "]
    assert talk(SHOP, OTHER).send(message(text="other", referral="ad8")) == ["Other?"]


def test_a_start_may_go_to_a_step_of_its_own(talk: Make) -> None:
    assert talk(SHOP).tap_id("again", "Again") == ["How many?"]


def test_an_event_starts_a_flow_with_its_data(talk: Make) -> None:
    at = talk(SHOP)
    assert at.happens("cart.left", goods="a chair", price=30, nonsense=1, note="Now!") == ["Buy a chair for 30? Now!"]
    assert at.session.top.vars == {"goods": "a chair", "price": 30}
    assert talk(OTHER).happens("cart.left") == []


def test_the_business_starts_a_flow(talk: Make) -> None:
    assert talk(SHOP).start("shop", goods="a lamp") == ["Buy a lamp for 1? "]
    at = talk(SHOP, OTHER)
    assert at.start("other") == []
    assert what(at) == [("not_started", "no_start")]
    assert at.start("nothing") == []


def test_nobody_who_opted_out_is_started(talk: Make) -> None:
    at = talk(SHOP)
    at.say("stop")
    assert at.start("shop") == []
    assert at.happens("cart.left") == []
    assert what(at) == [("not_started", "opted_out")]
    assert at.session is None


def test_it_comes_between_where_the_step_lets_it(talk: Make) -> None:
    at = talk(SHOP, OTHER)
    at.say("other")
    assert at.start("shop") == ["Buy  for 1? "]
    assert at.start("shop") == []
    assert what(at) == [("not_started", "open")]
    assert at.say("no") == ["Bye.", "Other?"]
    at.say("3")
    assert at.start("shop") == []
    assert what(at) == [("not_started", "busy")]


def test_an_intent_starts_a_flow_only_where_a_recogniser_is_installed(talk: Make) -> None:
    assert talk(SHOP).say("I want to buy") == ["Text HELP for help, STOP to unsubscribe."]
    at = talk(SHOP, OTHER, recogniser=lambda text, lang: "buy" if "buy" in text and lang == "en" else None)
    assert at.say("I want to buy") == ["Buy  for 1? "]
    at = talk(SHOP, OTHER, recogniser=lambda text, lang: "buy")
    assert at.say("other") == ["Other?"]


def test_a_recogniser_that_raises_knows_none(talk: Make) -> None:
    def broken(text: str, lang: str) -> str:
        raise ValueError(text)

    at = talk(SHOP, recogniser=broken)
    assert at.say("I want to buy") == ["Text HELP for help, STOP to unsubscribe."]
    assert ("recogniser_failed", "ValueError") in what(at)


# ---- schedules

REMIND = """
flow: remind
starts: [{schedule: {before: 24h, of: contact.appointment, if: "contact.appointment != null"}}]
steps: {q: {ask: "Tomorrow, as agreed?", as: confirm, then: {accept: e, decline: e}}, e: {end: "Fine."}}
"""
BOOK = """
flow: book
starts: [{keyword: book}]
vars: {appointment: {type: text, scope: contact}}
steps:
  q: {ask: "When?", as: text, save: appointment}
  e: {end: "Booked."}
"""
DAILY = """
flow: daily
starts: [{schedule: {cron: "0 9 * * mon-fri", if: "contact.daily == true"}}]
steps: {e: {end: "Good morning."}}
"""
JOIN = """
flow: join
starts: [{keyword: join}, {keyword: leave, go: out}]
vars: {daily: {type: boolean, scope: contact}}
steps:
  in: {set: {daily: "true"}, then: e}
  out: {set: {daily: "false"}, then: e}
  e: {end: "Fine."}
"""
KEY = "@remind/start_0"


def booked(talk: Make, when: str) -> Talk:
    at = talk(REMIND, BOOK)
    at.say("book")
    at.say(when)
    return at


def test_a_flow_begins_before_an_instant_of_the_contacts(talk: Make) -> None:
    at = booked(talk, "2026-12-10T15:00+01:00")
    due_ms = instant_ms("2026-12-09T15:00:00+01:00")
    assert at.contact.timers == {KEY: due_ms}
    assert StartTimer(KEY, due_ms, "", "remind", 0) in at.effects
    assert at.wait("4d") == ["Tomorrow, as agreed?"]
    assert at.contact.timers == {}


def test_its_timer_follows_the_instant(talk: Make) -> None:
    at = booked(talk, "2026-12-10T15:00+01:00")
    at.say("book")
    assert at.say("2026-12-12T15:00+01:00") == ["Booked."]
    assert at.contact.timers == {KEY: instant_ms("2026-12-11T15:00:00+01:00")}
    assert at.wait("4d") == []
    assert at.wait("2d") == ["Tomorrow, as agreed?"]
    gone = booked(talk, "2026-12-10T15:00+01:00")
    gone.say("book")
    gone.say("2026-12-06T18:00Z")
    assert CancelTimer(KEY) in gone.effects
    assert gone.wait("7d") == []


def test_what_is_no_instant_is_recorded(talk: Make) -> None:
    at = booked(talk, "soon")
    assert ("expression_failed", "remind/@") in what(at)
    assert at.contact.timers == {}


def test_a_timer_that_is_not_meant_any_more_does_nothing(talk: Make) -> None:
    at = booked(talk, "2026-12-10T15:00+01:00")
    timer = at.timers[KEY]
    at.say("book")
    at.say("2026-12-12T15:00+01:00")
    assert at.due(timer) == []
    assert ("stale_timer", "") in what(at)
    assert at.contact.timers[KEY] == instant_ms("2026-12-11T15:00:00+01:00")


def test_a_cron_line_begins_a_flow_for_whom_its_condition_holds(talk: Make) -> None:
    at = talk(DAILY, JOIN, zone="Europe/Madrid")
    at.say("leave")
    assert at.contact.timers == {}
    at.say("join")  # a Sunday
    assert at.wait("3d") == ["Good morning."] * 3
    at.say("leave")
    assert at.contact.timers == {}
    assert at.wait("3d") == []


@pytest.mark.parametrize(
    ("zone", "due"), [("America/New_York", "2026-12-07T14:00:00+00:00"), (None, "2026-12-07T08:00:00+00:00")]
)
def test_a_cron_line_is_read_in_the_contacts_zone(zone: str | None, due: str, talk: Make) -> None:
    at = talk(DAILY, JOIN, zone="Europe/Madrid")
    at.contact = Contact(HOME, zone=zone)
    at.say("join")
    assert list(at.contact.timers.values()) == [instant_ms(due)]


def test_a_cron_line_over_both_changes_of_daylight_saving(talk: Make) -> None:
    nightly = DAILY.replace("0 9 * * mon-fri", "30 2 * * *")
    autumn = talk(nightly, JOIN, zone="Europe/Madrid")
    autumn.now_ms = instant_ms("2026-10-24T12:00:00+00:00")
    autumn.say("join")
    assert autumn.wait("1d") == ["Good morning."]
    assert list(autumn.contact.timers.values()) == [instant_ms("2026-10-26T01:30:00+00:00")]
    spring = talk(nightly, JOIN, zone="Europe/Madrid")
    spring.now_ms = instant_ms("2027-03-27T12:00:00+00:00")
    spring.say("join")
    assert list(spring.contact.timers.values()) == [instant_ms("2027-03-28T01:30:00+00:00")]
    assert spring.wait("1d") == ["Good morning."]


def test_bots_without_schedules_keep_no_timers(talk: Make) -> None:
    at = talk(OTHER)
    at.say("other")
    assert at.contact == Contact(HOME, version=1, last=1)
    assert at.now_ms == START_MS
