"""The books alone, whatever they are told in whatever order: seats, holds, the wait list, what a guest has, the clocks."""

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaiven.model.urns import Urn

MINUTE = 60_000
DAY = "2026-11-27"
EIGHT, HALF, NINE = f"{DAY}T19:00Z", f"{DAY}T19:30Z", f"{DAY}T20:00Z"
PEOPLE = [Urn(f"tel:+1202555010{n}") for n in range(8)]
ANA, BEA, CLEO = PEOPLE[:3]
ONE_TIME = {"open": {"mon-sun": "20:00-21:00"}}


def ms(written: str) -> int:
    return int(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp() * 1000)


def hold(books: Any, who: Urn, slot: str = EIGHT, people: int = 4, **more: Any) -> Any:
    return books.tell(who, "hold", slot=slot, people=people, **more)


def book(books: Any, who: Urn, slot: str = EIGHT, people: int = 4, day: str = DAY) -> str:
    code = str(books.tell(who, "hold", day, slot=slot, people=people)["code"])
    assert books.tell(who, "confirm", day, code=code, people=people)["word"] == "booked"
    return code


def most_seated(books: Any, states: tuple[str, ...]) -> int:
    """The fullest moment of the day, reckoned anew from what is claimed."""
    edges = Counter[int]()
    for claim in books.claims().values():
        if claim["state"] in states:
            edges[claim["start_ms"]] += claim["people"]
            edges[claim["end_ms"]] -= claim["people"]
    seated = most = 0
    for at in sorted(edges):
        seated += edges[at]
        most = max(most, seated)
    return most


# -- B1 --------------------------------------------------------------------------------------------------------------------


def test_b1_a_slot_is_given_once_and_the_other_is_offered_the_next(make_books: Any) -> None:
    books = make_books()
    assert hold(books, ANA)["word"] == "held"
    late = hold(books, BEA)
    assert late["word"] == "gone"
    assert [slot["at"] for slot in late["slots"]] == [f"{DAY}T21:00", f"{DAY}T21:30", f"{DAY}T22:00"]


ACTS = [
    "hold",
    "confirm",
    "cancel",
    "wait",
    "pass",
    "choose",
    "block",
    "unblock",
    "hours",
    "time",
    "move",
    "look",
    "drop",
    "leave",
]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_b1_never_more_than_there_are_seats_under_any_interleaving(make_books: Any, seed: int) -> None:
    chance, books = random.Random(seed), make_books()
    for _ in range(60):
        who, slot, people = chance.choice(PEOPLE), chance.choice([EIGHT, HALF, NINE]), chance.randint(1, 4)
        mine = [code for code, one in books.claims().items() if one["home"] == who]
        code = chance.choice(mine) if mine else "NONE"
        match chance.choice(ACTS):
            case "hold":
                hold(books, who, slot, people)
            case "move":
                hold(books, who, slot, people, instead=code, instead_of=f"room/{DAY}")
            case "confirm" | "cancel" | "look" as word:
                books.tell(who, word, code=code, people=1)
            case "wait":
                books.tell(who, "wait", people=people)
            case "leave":
                books.tell(who, "leave")
            case "pass":
                books.ask(who, "pass")
            case "choose":
                books.ask(who, "choose", code=code)
            case "drop":
                books.tell(None, "cancel", code=code)
            case "hours":
                books.tell(None, "hours", spans=chance.choice([None, [[1200, 1260]], [], [[1200, 1380]]]))
            case "block" | "unblock" as word:
                books.tell(None, word, slot=slot)
            case "time":
                books.wait(chance.randint(1, 15))
        assert most_seated(books, ("booked",)) <= 4
        held = {f"expire:{code}" for code, one in books.claims().items() if one["state"] != "booked"}
        assert held == {key for home, key in books.timers if key.startswith("expire")}, "what is held expires, and nothing else"
        for each in PEOPLE:
            own = {code for code, one in books.claims().items() if (one["home"], one["state"]) == (each, "booked")}
            listed = books.ask(each, "list")
            assert {one["id"] for one in listed["bookings"]} == own, "the guest's own book knows what they have"
            assert bool(listed["waits"]) is (each in books.waiting()), "and whether they wait"


def test_b1_a_visit_is_over_when_the_next_dates_book_begins(make_books: Any) -> None:
    books = make_books(hours={"open": {"mon-sun": "00:00-24:00"}}, offered=99, last=30, lasts=90)
    times = [slot["at"][11:] for slot in books.tell(ANA, "free", people=4)["slots"]]
    assert (times[-1], hold(books, ANA, f"{DAY}T22:00Z")["word"]) == ("22:30", "gone")  # an hour and a half before midnight
    late = make_books(hours={"open": {"mon-sun": "20:00-03:00"}}, offered=99, last=30, lasts=90)
    assert [slot["at"] for slot in late.tell(ANA, "free", people=4)["slots"]][-1] == "2026-11-28T02:30"


def test_more_people_than_there_are_seats_are_told_so_and_do_not_wait(make_books: Any) -> None:
    books = make_books()
    assert books.tell(ANA, "free", people=5)["word"] == "too_many"
    assert books.tell(ANA, "wait", people=5)["word"] == "crowded"


def test_b1_what_is_held_counts_as_taken(make_books: Any) -> None:
    books = make_books(seats=6)
    for who in (ANA, BEA, CLEO):
        hold(books, who, people=2)
    assert hold(books, PEOPLE[4], people=1)["word"] == "gone"
    assert most_seated(books, ("held", "booked")) == 6


# -- B2 --------------------------------------------------------------------------------------------------------------------


def test_b2_a_hold_expires_once_and_who_confirms_too_late_is_offered_anew(make_books: Any) -> None:
    books = make_books()
    code = hold(books, ANA)["code"]
    books.wait(9.9)
    assert code in books.claims()
    books.wait(0.2)
    assert books.claims() == {}
    assert [key for _, key in books.timers if not key.startswith("forget")] == []
    late = books.tell(ANA, "confirm", code=code, people=4)
    assert (late["word"], late["slots"][0]["id"]) == ("expired", EIGHT)
    assert books.claims() == {}


def test_b2_confirmed_twice_is_booked_once(make_books: Any) -> None:
    books = make_books()
    code = book(books, ANA)
    assert books.tell(ANA, "confirm", code=code, people=4)["code"] == code
    books.wait(60)
    assert list(books.claims()) == [code]


def test_b2_a_code_is_only_good_for_whose_it_is(make_books: Any) -> None:
    books = make_books()
    code = hold(books, ANA)["code"]
    assert books.tell(BEA, "confirm", code=code, people=4)["word"] == "expired"
    assert books.tell(BEA, "cancel", code=code)["word"] == "unknown"
    assert books.tell(BEA, "look", code=code)["word"] == "unknown"
    for word in ("block", "hours", "expire", "remind", "forget"):
        assert books.tell(BEA, word, slot=EIGHT, spans=[])["word"] == "unknown", "words of the business are nobody else's"
    assert books.ask(BEA, "list", of=ANA) == {"word": "unknown"}
    assert list(books.claims()) == [code]


# -- B5 --------------------------------------------------------------------------------------------------------------------


def test_b5_what_is_cancelled_is_free_once_and_never_reminded_of(make_books: Any) -> None:
    books = make_books()
    code = book(books, ANA)
    assert any(key == f"remind:{code}" for _, key in books.timers)
    assert books.tell(ANA, "cancel", code=code)["word"] == "cancelled"
    assert books.tell(ANA, "cancel", code=code)["word"] == "unknown"
    assert books.tell(ANA, "look", code=code)["word"] == "unknown"
    assert books.ask(ANA, "list")["bookings"] == []
    books.wait(24 * 60)
    assert books.unasked() == []


def test_b5_a_reminder_comes_so_long_before_and_what_moved_has_its_own(make_books: Any) -> None:
    books = make_books()
    old = book(books, ANA, EIGHT)
    moved = hold(books, ANA, NINE, instead=old, instead_of=f"room/{DAY}")
    assert moved["word"] == "held"
    assert old in books.claims(), "the old one stands until the new one is booked"
    books.tell(ANA, "confirm", code=moved["code"], people=4)
    assert list(books.claims()) == [moved["code"]]
    books.wait(8 * 60)  # 17:00 in Madrid, three hours before the old one
    assert books.unasked() == []
    books.wait(60)
    assert books.unasked() == [(ANA, "tables.remind")]
    books.wait(24 * 60)
    assert books.unasked() == []


def test_b5_moved_to_another_day_the_old_one_goes_when_the_new_one_stands(make_books: Any) -> None:
    books, other = make_books(), "2026-11-28"
    old = book(books, ANA)
    new = books.tell(ANA, "hold", other, slot=f"{other}T19:00Z", people=4, instead=old, instead_of=f"room/{DAY}")["code"]
    assert list(books.claims()) == [old]
    books.tell(ANA, "confirm", other, code=new, people=4)
    assert books.claims() == {}
    assert list(books.claims(other)) == [new]
    assert [one["id"] for one in books.ask(ANA, "list")["bookings"]] == [new]


def test_b5_nobody_can_move_what_is_somebody_elses(make_books: Any) -> None:
    books, other = make_books(), "2026-11-28"
    theirs = book(books, ANA)
    new = books.tell(BEA, "hold", other, slot=f"{other}T19:00Z", people=4, instead=theirs, instead_of=f"room/{DAY}")["code"]
    books.tell(BEA, "confirm", other, code=new, people=4)
    assert list(books.claims()) == [theirs]
    assert books.tell(BEA, "moved", code=theirs, home=ANA) is None
    assert list(books.claims()) == [theirs]


def test_who_moves_within_an_hour_needs_no_second_table(make_books: Any) -> None:
    books = make_books()
    old = book(books, ANA, EIGHT)
    assert hold(books, ANA, HALF)["word"] == "gone"
    assert hold(books, ANA, HALF, instead=old, instead_of=f"room/{DAY}")["word"] == "held"
    assert hold(books, BEA, HALF, 1)["word"] == "gone"


# -- the wait list, and the business ---------------------------------------------------------------------------------------


def test_the_longest_waiting_is_offered_what_gets_free_and_then_the_next(make_books: Any) -> None:
    books = make_books(hours=ONE_TIME)
    code = book(books, ANA)
    assert books.tell(BEA, "wait", people=2)["position"] == 1
    assert books.tell(CLEO, "wait", people=4)["position"] == 2
    books.tell(ANA, "cancel", code=code)
    assert books.unasked() == [(BEA, "guests.offer")]
    books.wait(21)
    assert books.unasked() == [(BEA, "guests.lapsed"), (CLEO, "guests.offer")]
    (offer,) = books.claims()
    assert books.tell(CLEO, "confirm", code=offer, people=4)["word"] == "booked"
    assert books.ask(CLEO, "choose", code=offer) == {"word": "unknown"}
    books.wait(60)
    assert books.unasked() == []


def test_who_passes_lets_the_next_have_it(make_books: Any) -> None:
    books = make_books(hours=ONE_TIME)
    code = book(books, ANA)
    for who in (BEA, CLEO):
        books.tell(who, "wait", people=4)
    books.tell(ANA, "cancel", code=code)
    books.unasked()
    books.ask(BEA, "pass")
    assert books.unasked() == [(CLEO, "guests.offer")]


def test_the_wait_list_has_an_end_and_who_waits_twice_waits_once(make_books: Any) -> None:
    books = make_books(hours=ONE_TIME, waiting=2)
    book(books, ANA)
    books.tell(BEA, "wait", people=2)
    assert books.tell(BEA, "wait", people=4)["position"] == 1
    books.tell(CLEO, "wait", people=2)
    assert books.tell(PEOPLE[4], "wait", people=1)["word"] == "crowded"


def test_the_business_cancels_and_the_guest_is_told(make_books: Any) -> None:
    books = make_books()
    code = book(books, ANA)
    books.tell(None, "cancel", code=code)
    assert books.unasked() == [(ANA, "tables.dropped")]
    assert books.claims() == {}
    assert books.ask(ANA, "list")["bookings"] == []


def test_what_is_blocked_is_not_offered_and_opened_again_goes_to_who_waits(make_books: Any) -> None:
    books = make_books(hours=ONE_TIME)
    books.tell(None, "block", slot=EIGHT)
    assert books.tell(ANA, "free", people=1)["word"] == "full"
    assert hold(books, ANA)["word"] == "gone"
    books.tell(ANA, "wait", people=2)
    books.tell(None, "unblock", slot=EIGHT)
    assert books.unasked() == [(ANA, "guests.offer")]


def test_hours_of_a_date_alone_go_before_those_of_the_week(make_books: Any) -> None:
    books = make_books()
    books.tell(None, "hours", spans=[[13 * 60, 14 * 60]])
    assert [slot["at"][11:] for slot in books.tell(ANA, "free", people=1)["slots"]] == ["13:00"]
    books.tell(None, "hours", spans=[])
    assert books.tell(ANA, "free", people=1) == {"word": "full", "slots": [], "open": False}
    books.tell(None, "hours", spans=None)
    assert books.tell(ANA, "free", people=1)["slots"][0]["id"] == EIGHT


def test_who_asks_again_holds_only_the_last_and_nobody_fills_the_day(make_books: Any) -> None:
    books = make_books(seats=40, per_day=1)
    hold(books, ANA, EIGHT)
    second = hold(books, ANA, NINE)["code"]
    assert list(books.claims()) == [second]
    books.tell(ANA, "confirm", code=second, people=4)
    assert hold(books, ANA, EIGHT)["word"] == "enough"


def test_a_place_has_settings_of_its_own_and_what_is_no_place_no_book(make_books: Any) -> None:
    books = make_books(places=[{"id": "garcia", "seats": 1, "lasts": 20, "last": 20, "every": 20, "hours": "mornings"}],
                       hours={"mornings": {"mon-fri": "09:00-10:00"}})  # fmt: skip
    slots = books.tell(ANA, "free", of=f"garcia/{DAY}", people=1)["slots"]
    assert [slot["at"][11:] for slot in slots] == ["09:20", "09:40"], "it is nine already"
    for of in (f"room/{DAY}", "garcia/someday", "garcia", f"/{DAY}"):
        assert books.tell(ANA, "free", of=of, people=1) == {"word": "unknown"}


def test_who_holds_on_another_date_lets_go_of_what_they_held_on_the_first(make_books: Any) -> None:
    books = make_books(seats=40)
    days = [f"2026-11-{day}" for day in range(27, 31)]
    for day in days:
        assert books.tell(ANA, "hold", day, slot=f"{day}T19:00Z", people=4)["word"] == "held"
        assert [len(books.claims(each)) for each in days] == [int(each == day) for each in days]
    assert not [
        key for _, key in books.timers if key.startswith("expire") and key != f"expire:{next(iter(books.claims(days[-1])))}"
    ]


def test_who_holds_on_another_date_keeps_what_they_have_booked_and_what_others_hold(make_books: Any) -> None:
    books, other = make_books(seats=40), "2026-11-28"
    booked, theirs = book(books, ANA), hold(books, BEA)["code"]
    assert books.tell(ANA, "hold", other, slot=f"{other}T19:00Z", people=4)["word"] == "held"
    assert set(books.claims()) == {booked, theirs}
    assert books.tell(BEA, "let_go", code=booked) is None
    assert books.tell(ANA, "let_go", code=theirs) is None
    assert set(books.claims()) == {booked, theirs}


def test_who_leaves_the_list_is_offered_nothing_and_the_next_is_first(make_books: Any) -> None:
    books = make_books(hours=ONE_TIME)
    code = book(books, ANA)
    books.tell(BEA, "wait", people=4)
    books.tell(CLEO, "wait", people=4)
    (waits,) = books.ask(BEA, "list")["waits"]
    assert (waits["id"], waits["day"]) == (f"room/{DAY}", DAY)
    assert books.tell(BEA, "leave")["word"] == "left"
    assert books.tell(BEA, "leave")["word"] == "unknown"
    assert books.ask(BEA, "list")["waits"] == []
    books.tell(ANA, "cancel", code=code)
    assert books.unasked() == [(CLEO, "guests.offer")]
    assert books.ask(CLEO, "list")["waits"] == [], "who is offered it waits no more"


def test_a_list_is_over_with_its_date(make_books: Any) -> None:
    books = make_books(hours=ONE_TIME)
    book(books, ANA)
    books.tell(BEA, "wait", people=4)
    books.wait(16 * 60)
    assert books.ask(BEA, "list")["all"] == []


TWO = [{"id": "garcia", "label": "Dr. García", "seats": 1}, {"id": "lopez", "label": "Dr. López", "seats": 1}]


def test_of_several_places_each_is_named_and_of_one_none(make_books: Any) -> None:
    held = make_books(places=TWO).tell(ANA, "hold", of=f"lopez/{DAY}", slot=EIGHT, people=1)
    assert held["where"] == ", Dr. López"
    assert hold(make_books(), ANA)["where"] == ""


@pytest.mark.parametrize("at", ["tomorrow", "", None, 5, "2026-11-27", "2026-13-27T20:00", {"a": 1}])
def test_what_a_booking_system_says_is_read_before_it_is_believed(make_books: Any, at: Any) -> None:
    books, good = make_books(), {"id": "s1", "at": f"{DAY}T20:00:00"}
    assert books.ask(ANA, "read", found=[{"id": "s2", "at": at}]) == {"word": "unreadable"}
    read = books.ask(ANA, "read", found=[{"id": "s2", "at": at}, good])
    assert [(one["id"], one["at"]) for one in read["found"]] == [("s1", f"{DAY}T20:00")]


# -- B6 --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "span", "utc"),
    [
        ("2026-03-28", "20:00-22:00", ["19:00", "19:30", "20:00", "20:30"]),
        ("2026-03-29", "20:00-22:00", ["18:00", "18:30", "19:00", "19:30"]),
        ("2026-03-29", "01:00-04:30", ["00:00", "00:30", "01:00", "01:30", "02:00"]),  # two to three is skipped
        ("2026-10-24", "20:00-22:00", ["18:00", "18:30", "19:00", "19:30"]),
        ("2026-10-25", "20:00-22:00", ["19:00", "19:30", "20:00", "20:30"]),
        ("2026-10-25", "01:30-04:00", ["23:30", "00:00", "00:30", "02:00", "02:30"]),  # two to three comes twice: the first
    ],
)
def test_b6_slots_are_instants_by_the_clocks_of_the_business(make_books: Any, day: str, span: str, utc: list[str]) -> None:
    books = make_books(now_ms=ms("2026-01-01"), hours={"open": {"mon-sun": span}}, last=30)
    slots = books.tell(ANA, "free", day, people=1)["slots"]
    assert [slot["id"][11:16] for slot in slots] == utc
    assert all(slot["id"].endswith("Z") and slot["at"].startswith(day) for slot in slots)
    assert len({slot["at"] for slot in slots}) == len(slots), "no two are shown alike"


def test_b6_what_is_booked_keeps_its_instant_and_its_zone(make_books: Any) -> None:
    books = make_books()
    code = book(books, ANA)
    claim = books.claims()[code]
    assert (claim["start"], claim["start_ms"], claim["zone"]) == (EIGHT, ms(f"{DAY}T19:00"), "Europe/Madrid")


def test_nothing_on_a_closed_day_nor_in_the_past(make_books: Any) -> None:
    books = make_books(hours={"open": {"mon-sun": "20:00-23:00", "closed": ["2026-12-25"]}})
    assert books.tell(ANA, "free", "2026-12-25", people=1) == {"word": "full", "slots": [], "open": False}
    books.wait(11 * 60)  # it is eight
    assert next(slot["id"] for slot in books.tell(ANA, "free", people=1)["slots"]) == HALF


def test_a_day_that_is_long_over_is_forgotten_with_all_names(make_books: Any) -> None:
    books = make_books(keep=10)
    book(books, ANA)
    books.wait(15 * 60)
    assert books.ask(ANA, "list")["bookings"] == []
    books.wait(9 * 24 * 60)
    assert len(books.claims()) == 1
    books.wait(24 * 60 + 30)
    assert [contact.vars.get("state") for home, contact in books.states.items() if "/tables/" in home] == [{}]
    assert books.timers == {}
