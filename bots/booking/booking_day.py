"""What of a day is free: its times by the clocks of the business, and how many sit when. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from vaiven.runtime.hours import Hours

MINUTE_MS = 60_000
OFFERED = 24
"""So many times at once, unless it is set: more are no choice on a telephone."""
MINUTES = {"every": 30, "lasts": 90, "hold": 10, "offer": 20, "remind": 180}
"""What is not set."""
OPEN = "open"
"""The bot's ``hours`` of this name are those of a place that names none."""

State = dict[str, Any]


class Day:
    """One place on one date, as its book has it and as the bot is set. ``now``: ms since the epoch.

    Raises:
        LookupError: there is no such place, or no such date.
    """

    def __init__(
        self, state: State, of: str, params: Mapping[str, Any], hours: Mapping[str, Hours], zone: tzinfo, now: int
    ) -> None:
        self.place, _, written = of.rpartition("/")
        self.claims: dict[str, Any] = state.setdefault("claims", {})
        self.blocked: list[str] = state.setdefault("blocked", [])
        self.zone, self.now = zone, now
        try:
            self.date = date.fromisoformat(written)
            self._set = next({**params, **one} for one in params.get("places", ()) if one["id"] == self.place)
        except (ValueError, StopIteration) as error:
            raise LookupError(of) from error
        self._hours = self._usual = hours.get(self._set.get("hours", OPEN), Hours(((),) * 7))
        if "spans" in state:
            self._hours = Hours((tuple((opens, closes) for opens, closes in state["spans"]),) * 7)

    def minutes(self, name: str) -> int:
        return int(self._set.get(name, MINUTES[name]))

    def number(self, name: str, otherwise: int) -> int:
        return int(self._set.get(name, otherwise))

    @property
    def ends_ms(self) -> int:
        midnight = datetime.combine(self.date + timedelta(days=1), time(), self.zone)
        return int(midnight.timestamp() * 1000)

    @property
    def seats(self) -> int:
        return self.number("seats", 1)

    # -- times ---------------------------------------------------------------------------------------------------------

    def times(self) -> list[str]:
        """When it can begin, by the instant in UTC, blocked times too. Of a time that the clocks show twice it is the first."""
        last, lasts = timedelta(minutes=self.number("last", self.minutes("lasts"))), timedelta(minutes=self.minutes("lasts"))
        every = timedelta(minutes=max(1, self.minutes("every")))
        # The next date has a book of its own, which does not know who sits here: a visit must be over when that one begins.
        after = min((opens for opens, _ in self._usual.spans(self.date + timedelta(days=1), self.zone)), default=None)
        found = []
        for opens, closes in self._hours.spans(self.date, self.zone):
            at = opens
            while at + last <= closes:
                if not at.astimezone(self.zone).fold and (after is None or at + lasts <= after):
                    found.append(written(at))
                at += every
        return found

    def begins(self) -> Iterator[str]:
        """Times that are neither over nor blocked."""
        return (slot for slot in self.times() if slot not in self.blocked and instant_ms(slot) > self.now)

    def local(self, slot: str) -> str:
        """By the clocks of the business, without an offset: so it is shown as it is, wherever the guest may be."""
        return datetime.fromisoformat(slot).astimezone(self.zone).replace(tzinfo=None).isoformat(timespec="minutes")

    # -- seats ---------------------------------------------------------------------------------------------------------

    def free(self, people: int, instead: str | None) -> list[dict[str, str]]:
        """The first times at which so many can come. ``instead``: who moves from this claim takes its seats along."""
        found = [slot for slot in self.begins() if self.fits(slot, people, instead)]
        return [{"id": slot, "at": self.local(slot)} for slot in found[: self.number("offered", OFFERED)]]

    def fits(self, slot: str, people: int, instead: str | None = None) -> bool:
        """Whether so many more can sit from then on, as long as a visit lasts."""
        begins, lasts = instant_ms(slot), self.minutes("lasts") * MINUTE_MS
        edges = (one["start_ms"] for one in self.claims.values() if begins < one["start_ms"] < begins + lasts)
        return all(self._seated(at, instead) + people <= self.seats for at in {begins, *edges})

    def _seated(self, at_ms: int, instead: str | None) -> int:
        """How many seats are taken at an instant. Who moves within the day takes the larger of both until they have."""
        there = {code: one for code, one in self.claims.items() if one["start_ms"] <= at_ms < one["end_ms"]}
        taken = {code: one["people"] for code, one in there.items() if code != instead}
        for code, one in there.items():
            old = one.get("instead")
            if code in taken and old in taken:
                taken[old] = max(taken[old], taken.pop(code))
        return sum(taken.values())


def where(params: Mapping[str, Any], place: str) -> str:
    """What texts say of a place after a time: nothing, if there is one place only."""
    places = params.get("places") or ()
    found = next((one for one in places if one["id"] == place), None) if len(places) > 1 else None
    return "" if found is None else f", {found.get('label') or place}"


def read_times(said: Any) -> list[dict[str, str]] | None:
    """Of what a booking system lists, what has an id and a time that can be shown; None: it is no list."""
    if not isinstance(said, list):
        return None
    found = []
    for one in said:
        try:
            at = datetime.fromisoformat(one["at"])
            name = one.get("id") or one["code"]
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
        if len(one["at"]) > len("2026-11-27"):
            place = one.get("place")
            shown = at.isoformat(timespec="minutes")
            found.append({"id": str(name), "at": shown, "place": place if isinstance(place, str) else ""})
    return found


def ats(said: Any) -> Any:
    """What stands where times should, without what else a system may tell of its guests."""
    return [one.get("at") if isinstance(one, Mapping) else type(one).__name__ for one in said] if isinstance(said, list) else None


def instant_ms(slot: str) -> int:
    return int(datetime.fromisoformat(slot).timestamp() * 1000)


def written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
