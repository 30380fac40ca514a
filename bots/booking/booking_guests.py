"""A guest's own book: what they have, hold, wait for and are offered; and what another booking system said of that. Pure."""

import logging

from booking_day import ats, read_times, where

LOG = logging.getLogger("vaiven.booking")
LOG.addHandler(logging.NullHandler())  # where nobody set logs up, as in `vaiven test`, they are nobody's


def heard(state, word, now):
    """A word to the book, from the guest or from a book of a day."""
    for name in ("bookings", "offers", "holds", "waits"):
        state[name] = {code: one for code, one in state.get(name, {}).items() if one["start_ms"] > now}
    if word.sender == word.of:
        return state, _ASKED.get(word.name, _not_known)(state, word)
    if str(word.sender).startswith(word.home("tables", "")):
        return state, _TOLD.get(word.name, _not_known)(state, word)
    return state, [word.answer("unknown")]


def _not_known(_, word):
    return [word.answer("unknown")]


def _list(state, word):
    booked, waits = _sorted(state["bookings"]), _sorted(state["waits"])
    return [word.answer("listed", bookings=booked, waits=waits, all=[*booked, *waits])]


def _read(_, word):
    """What a booking system said, as far as it can be meant. That there is no time in it is the system's fault, and logged."""
    params, place = word.about.params, word.data.get("place") or ""
    said = word.data.get("found")
    found = read_times([] if said is None else said)
    if found is None or (said and not found):
        LOG.error("the booking system at params.api answered with no time that reads as 2026-11-27T20:00: at %.200r", ats(said))
        return [word.answer("unreadable")]
    if said and len(found) < len(said):
        LOG.warning("the booking system at params.api answered with %d entries that have no time", len(said) - len(found))
    found = [{**one, "where": where(params, one["place"])} for one in found]
    return [word.answer("read", found=found, at=found[0]["at"] if found else "", where=where(params, place))]


def _find(state, word):
    waits = state["waits"].get(word.data["code"])
    if waits is not None:
        return [word.answer("waits", **waits)]
    found = state["bookings"].get(word.data["code"])
    return [word.answer("unknown") if found is None else word.answer("found", **found)]


def _pass(state, word):
    """They want none of what is offered, or no other than ``code``."""
    passed = [one for code, one in state["offers"].items() if code != word.data.get("code")]
    for one in passed:
        del state["offers"][one["code"]]
    return [word.answer("passed"), *(word.tell(_book(word, one), "cancel", code=one["code"]) for one in passed)]


def _choose(state, word):
    """Of what is offered they want this one, and none of the others."""
    found = state["offers"].get(word.data["code"])
    if found is None:
        return [word.answer("unknown")]
    _, *told = _pass(state, word)
    return [word.answer("chosen", **found), *told]


def _booked(state, word):
    for name in ("offers", "holds"):
        state[name].pop(word.data["code"], None)
    state["bookings"][word.data["code"]] = dict(word.data)
    return [word.start_timer("tidy", word.data["start_ms"], word.data["code"])]  # what is over is forgotten with any word


def _offer(state, word):
    one = {key: value for key, value in word.data.items() if key != "via"}
    state["offers"][one["code"]] = {**one, "via": word.data["via"]}
    state["waits"].pop(f"{one['place']}/{one['day']}", None)
    return [word.tell(word.of, "offer", word.data["via"], **one, offers=_sorted(state["offers"]))]


def _held(state, word):
    """They hold one thing at a time, wherever: the newest."""
    state["holds"][word.data["code"]] = {key: word.data[key] for key in ("code", "place", "day", "start_ms", "held_ms")}
    *old, newest = sorted(state["holds"].values(), key=lambda one: one["held_ms"])
    state["holds"] = {newest["code"]: newest}
    return [word.tell(_book(word, one), "let_go", code=one["code"]) for one in old]


def _waits(state, word):
    state["waits"][word.data["code"]] = dict(word.data)
    return []


def _left_list(state, word):
    state["waits"].pop(word.data["of"], None)
    return []


def _gone(state, word):
    code = word.data["code"]
    state["bookings"].pop(code, None)
    offer = state["offers"].pop(code, None)
    if offer is None:
        return []
    return [word.tell(word.of, "lapsed", offer["via"], code=code, offers=_sorted(state["offers"]))]


_ASKED = {"list": _list, "find": _find, "choose": _choose, "pass": _pass, "read": _read}
_TOLD = {"booked": _booked, "offer": _offer, "gone": _gone, "held": _held, "waits": _waits, "left": _left_list}


def _book(word, one):
    return word.home("tables", f"{one['place']}/{one['day']}")


def _sorted(found):
    return sorted(({**one, "id": code} for code, one in found.items()), key=lambda one: (one["start_ms"], one["code"]))
