"""Tables of a restaurant, or hours of a practice: a book for each place and day, and one for each guest, at home in the store.

A book hears one word at a time and saves what it decides in one commit, so a seat is given once. Who asks for one has it held
for a while; who confirms in time has booked it; who comes too late hears what is free now. What a guest has stands in a book of
their own, which the books of the days keep up to date.
"""

from hashlib import blake2b
from types import SimpleNamespace

from booking_day import MINUTE_MS, Day, instant_ms, where
from booking_guests import heard
from booking_params import wrong

from vaiven import checks_params, resource

LETTERS = "ACDEFGHJKMNPQRTUVWXY34679"
"""No letter that is taken for another."""
WAITING = 50
KEEP_DAYS = 30
"""A book is forgotten so long after its day, with all names in it."""
DAY_MS = 24 * 60 * MINUTE_MS
PER_DAY = 2
"""So many bookings of one guest in one book, unless it is set."""


@checks_params
def wrong_params(about):
    return wrong(about.params, about.hours)


@resource("tables")
def tables(state, word, now):
    """The book of one place and day, ``main/2026-11-27``."""
    try:
        day = Day(state, word.of, word.about.params, word.about.hours, word.about.zone, now)
    except LookupError:
        return state, [word.answer("unknown")]
    if word.name == "forget" and word.sender is None:
        return {}, []
    state.setdefault("waits", [])
    book = SimpleNamespace(state=state, word=word, day=day, claims=day.claims, now=now)
    known = {**_OF_GUESTS, **(_OF_BUSINESS if word.sender is None else {})}
    effects = known.get(word.name, _unknown)(book)
    if not state.get("forgets"):
        state["forgets"] = True
        effects.append(word.start_timer("forget", day.ends_ms + day.number("keep", KEEP_DAYS) * DAY_MS))
    return state, effects


def _unknown(book):
    return [book.word.answer("unknown")]


# -- words of guests ------------------------------------------------------------------------------------------------------


def _free(book):
    if int(book.word.data.get("people") or 1) > book.day.seats:
        return [book.word.answer("too_many")]
    found = _offered(book)
    return [book.word.answer("free" if found else "full", slots=found, open=next(book.day.begins(), None) is not None)]


def _hold(book):
    """Held for a while for who asks. Who asks again has let go of what they held, here now and in any other book soon."""
    word, day = book.word, book.day
    slot, people, replaced = word.data["slot"], int(word.data["people"]), _replaced(book)
    mine = [code for code, one in book.claims.items() if one["home"] == word.sender]
    effects = [each for code in mine if book.claims[code]["state"] == "held" for each in _drop(book, code)]
    booked = [code for code in mine if code in book.claims and book.claims[code]["state"] == "booked" and code != replaced]
    if len(booked) >= day.number("per_day", PER_DAY):
        effects.append(word.answer("enough"))
    elif people < 1 or slot not in day.begins() or not day.fits(slot, people, replaced):
        effects.append(word.answer("gone", slots=_offered(book)))
    else:
        instead = {"instead": word.data["instead"], "instead_of": word.data["instead_of"]} if word.data.get("instead") else {}
        code = _claim(book, effects, "held", word.sender, word.asker.channel if word.asker else "", slot, people, instead)
        effects.append(word.answer("held", **_told(book, code)))
        effects.append(word.tell(_guest(word, book.claims[code]), "held", **_told(book, code), held_ms=book.now))
    return [*effects, *_promote(book)]


def _let_go(book):
    """They hold something newer, in another book. What they have booked meanwhile stays."""
    claim = book.claims.get(book.word.data["code"])
    theirs = claim is not None and claim["state"] == "held" and book.word.sender == _guest(book.word, claim)
    return [*_drop(book, claim["code"]), *_promote(book)] if theirs else []


def _confirm(book):
    """Booked, if it is held still. What it replaces goes now, wherever it stands, and not before."""
    word, code = book.word, book.word.data["code"]
    claim = book.claims.get(code)
    if claim is None or claim["home"] != word.sender:
        return [word.answer("expired", slots=_offered(book))]
    effects = []
    if claim["state"] != "booked":
        claim.update(state="booked", name=word.data.get("name") or "")
        effects += _left(book)
        effects.append(word.cancel_timer("expire", code))
        remind_ms = claim["start_ms"] - book.day.minutes("remind") * MINUTE_MS
        if remind_ms > book.now:
            effects.append(word.start_timer("remind", remind_ms, code))
        effects.append(word.tell(_guest(word, claim), "booked", **_told(book, code)))
        old, elsewhere = claim.pop("instead", None), claim.pop("instead_of", None)
        if old in book.claims and book.claims[old]["home"] == word.sender:
            effects += _drop(book, old)
        elif elsewhere and elsewhere != word.of:
            effects.append(word.tell(word.home("tables", elsewhere), "moved", code=old, home=claim["home"]))
    return [word.answer("booked", **_told(book, code)), *effects, *_promote(book)]


def _cancel(book):
    """Freed once. What the business cancels is anybody's, and the guest is told."""
    word, code = book.word, book.word.data["code"]
    claim = book.claims.get(code)
    if claim is None or word.sender not in (None, claim["home"], _guest(word, claim)):
        return [word.answer("unknown")]
    effects = [word.answer("cancelled", **_told(book, code))]
    if word.sender is None:
        effects.append(word.tell(claim["home"], "dropped", claim["channel"], **_told(book, code)))
    return [*effects, *_drop(book, code), *_promote(book)]


def _moved(book):
    """The book of another day has it booked anew: here it goes."""
    word, claim = book.word, book.claims.get(book.word.data["code"])
    theirs = claim is not None and claim["home"] == word.data["home"] and str(word.sender).startswith(word.home("tables", ""))
    return [*_drop(book, claim["code"]), *_promote(book)] if theirs else []


def _look(book):
    """Whether it still stands, for who would remind of it."""
    word, claim = book.word, book.claims.get(book.word.data["code"])
    stands = claim is not None and (claim["home"], claim["state"]) == (word.sender, "booked") and claim["start_ms"] > book.now
    return [word.answer("booked", **_told(book, claim["code"])) if stands else word.answer("unknown")]


def _wait(book):
    word, others = book.word, [one for one in book.state["waits"] if one["home"] != book.word.sender]
    if len(others) >= book.day.number("waiting", WAITING) or int(word.data["people"]) > book.day.seats:
        return [word.answer("crowded")]
    channel = word.asker.channel if word.asker else ""
    book.state["waits"] = [*others, {"home": word.sender, "channel": channel, "people": int(word.data["people"])}]
    one = {
        "code": word.of,
        "place": book.day.place,
        "day": book.day.date.isoformat(),
        "kind": "list",
        "start_ms": book.day.ends_ms,
    }
    waits = word.tell(word.home("guests", word.sender), "waits", **one, where=where(word.about.params, book.day.place))
    return [word.answer("waiting", position=len(others) + 1), waits, *_promote(book)]


def _leave(book):
    effects = _left(book)
    return [book.word.answer("left" if effects else "unknown"), *effects]


def _left(book):
    """They wait no more, and their own book hears so."""
    word, before = book.word, len(book.state["waits"])
    book.state["waits"] = [one for one in book.state["waits"] if one["home"] != word.sender]
    return [word.tell(word.home("guests", word.sender), "left", of=word.of)] if len(book.state["waits"]) < before else []


# -- words of the business, and of its clock -------------------------------------------------------------------------------


def _times(book):
    """Every time of the day, free or not."""
    return [book.word.answer("times", slots=book.day.times())]


def _block(book):
    """The business keeps a time for itself. What is booked then stays until it is cancelled."""
    if book.word.data["slot"] not in book.day.blocked:
        book.day.blocked.append(book.word.data["slot"])
        book.day.blocked.sort()
    return []


def _unblock(book):
    if book.word.data["slot"] in book.day.blocked:
        book.day.blocked.remove(book.word.data["slot"])
    return _promote(book)


def _hours(book):
    """Hours of this date alone, minutes after midnight; null: those of the bot."""
    if book.word.data["spans"] is None:
        book.state.pop("spans", None)
    else:
        book.state["spans"] = book.word.data["spans"]
    word = book.word
    book.day = Day(book.state, word.of, word.about.params, word.about.hours, word.about.zone, book.now)
    return _promote(book)


def _expire(book):
    claim = book.claims.get(book.word.key)
    return [] if claim is None or claim["state"] == "booked" else [*_drop(book, claim["code"]), *_promote(book)]


def _remind(book):
    claim = book.claims.get(book.word.key)
    if claim is None or claim["state"] != "booked" or claim["start_ms"] <= book.now:
        return []
    return [book.word.tell(claim["home"], "remind", claim["channel"], **_told(book, claim["code"]))]


_OF_GUESTS = {
    "free": _free,
    "hold": _hold,
    "confirm": _confirm,
    "cancel": _cancel,
    "moved": _moved,
    "look": _look,
    "wait": _wait,
    "leave": _leave,
    "let_go": _let_go,
}
_OF_BUSINESS = {"times": _times, "block": _block, "unblock": _unblock, "hours": _hours, "expire": _expire, "remind": _remind}


# -- claims ----------------------------------------------------------------------------------------------------------------


def _offered(book):
    return book.day.free(int(book.word.data.get("people") or 1), _replaced(book))


def _replaced(book):
    """The booking of theirs that they want another one for, if it is in this book."""
    claim = book.claims.get(book.word.data.get("instead"))
    return claim["code"] if claim is not None and (claim["home"], claim["state"]) == (book.word.sender, "booked") else None


def _claim(book, effects, state, home, channel, slot, people, more):
    code, start_ms = _code(book), instant_ms(slot)
    until_ms = book.now + book.day.minutes("hold" if state == "held" else "offer") * MINUTE_MS
    book.claims[code] = {
        "code": code,
        "state": state,
        "home": home,
        "channel": channel,
        "people": people,
        "name": "",
        "start": slot,
        "zone": str(book.day.zone),
        "start_ms": start_ms,
        "end_ms": start_ms + book.day.minutes("lasts") * MINUTE_MS,
        "until_ms": until_ms,
        **more,
    }
    effects.append(book.word.start_timer("expire", until_ms, code))
    return code


def _drop(book, code):
    """Free again. The guest's own book hears of what it knew."""
    word, claim = book.word, book.claims.pop(code)
    effects = [word.cancel_timer("expire", code), word.cancel_timer("remind", code)]
    if claim["state"] != "held":
        effects.append(word.tell(_guest(word, claim), "gone", code=code))
    return effects


def _promote(book):
    """Whoever waits longest, of those for whom there is room now, is offered it and has it held."""
    effects, left = [], []
    for one in book.state["waits"]:
        slot = next((slot for slot in book.day.begins() if book.day.fits(slot, one["people"])), None)
        if slot is None:
            left.append(one)
            continue
        code = _claim(book, effects, "offered", one["home"], one["channel"], slot, one["people"], {})
        told = _told(book, code)
        effects.append(book.word.tell(_guest(book.word, one), "offer", **told, via=one["channel"]))
    book.state["waits"] = left
    return effects


def _guest(word, claim):
    return word.home("guests", claim["home"])


def _told(book, code):
    claim = book.claims[code]
    at = book.day.local(claim["start"])
    told = {key: claim[key] for key in ("code", "people", "name", "start", "start_ms")}
    return {
        **told,
        "at": at,
        "day": book.day.date.isoformat(),
        "place": book.day.place,
        "where": where(book.word.about.params, book.day.place),
    }


def _code(book):
    """Short enough to be read out. From what was asked, so that a turn that runs again gives the same."""
    codes = ("".join(LETTERS[byte % len(LETTERS)] for byte in _digest(book, salt)) for salt in range(256))
    return next(code for code in codes if code not in book.claims)


def _digest(book, salt):
    return blake2b(f"{book.word.of}/{book.word.id}/{len(book.claims)}/{salt}".encode(), digest_size=6).digest()


# -- a guest's own book ----------------------------------------------------------------------------------------------------


@resource("guests")
def guests(state, word, now):
    """What one guest has, and what is offered to them. Its key is their home."""
    return heard(state, word, now)
