"""A booking system that is not real but stands on a real socket: what the booking bot asks where its ``params.api`` names one.

    async with FakeBookings({"2026-11-27": ["19:00", "19:30"]}, seats=4) as system:
        ...                                    # the bot's params.api is system.url, and its calls.allow names system.host
        system.lose = 1                        # the next request is done, and its answer lost
        system.down = True                     # every further request is answered with 503
        assert system.booked == {"K1": "Ola"}

| request | answer |
|---|---|
| ``GET /slots?place&day&people&instead`` | ``{"open", "slots": [{"id", "at"}]}`` |
| ``POST /holds`` ``{place, slot, people, guest, instead}`` | ``{"code", "at"}``; 409 and the ``slots`` that are free now |
| ``POST /bookings`` ``{code, name, guest, instead}`` | ``{"code", "at"}``; 410 and ``slots``, if it is held no more |
| ``GET /bookings?guest`` | ``{"bookings": [{"id", "at"}]}`` |
| ``GET /bookings/CODE?guest`` | ``{"id", "place", "at"}``; 404 |
| ``DELETE /bookings/CODE?guest`` | ``{}``; 404. Of a hold or a booking |

``at`` is the time on the clocks of the house. What bears an ``Idempotency-Key`` is done once, and answered alike however often.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web


@dataclass(slots=True)
class Claim:
    """Seats that somebody has at a time: ``held`` until they say the name, then booked."""

    code: str
    guest: str
    place: str
    slot: str
    people: int
    name: str | None = None
    instead: str = ""

    @property
    def told(self) -> dict[str, str]:
        return {"id": self.code, "code": self.code, "place": self.place, "at": self.slot}


class FakeBookings:
    """Times by date, with so many seats at each. ``asked``: method and path of every request, in order."""

    def __init__(self, times: Mapping[str, Sequence[str]], seats: int = 4) -> None:
        self.times = {day: list(at) for day, at in times.items()}
        self.seats = seats
        self.claims: dict[str, Claim] = {}
        self.asked: list[tuple[str, str]] = []
        self.down = False
        self.lose = 0
        self.host = ""
        self._made = 0
        self._done: dict[str, tuple[int, dict[str, Any]]] = {}
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def booked(self) -> dict[str, str]:
        """The name of each booking, by its code."""
        return {claim.code: claim.name for claim in self.claims.values() if claim.name is not None}

    def expire(self) -> None:
        """Whatever is only held is free again."""
        self.claims = {code: claim for code, claim in self.claims.items() if claim.name is not None}

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        body = await request.json() if request.can_read_body else {}
        if self.down:
            return web.json_response({"error": "down"}, status=503)
        key = request.headers.get("Idempotency-Key")
        answer = self._done.get(key) if key is not None else None
        if answer is None:
            answer = self._answer(request, body)
            if key is not None:
                self._done[key] = answer
        if self.lose:
            self.lose -= 1
            if request.transport is not None:
                request.transport.abort()
            await asyncio.sleep(0)
        return web.json_response(answer[1], status=answer[0])

    def _answer(self, request: web.BaseRequest, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        query = request.query
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["slots"]:
                found = self._free(query["place"], query["day"], int(query["people"]), query.get("instead", ""))
                return 200, {"open": bool(self.times.get(query["day"])), "slots": found}
            case "POST", ["holds"]:
                return self._hold(body)
            case "POST", ["bookings"]:
                return self._book(body)
            case "GET", ["bookings"]:
                mine = [claim.told for claim in self.claims.values() if claim.guest == query["guest"] and claim.name is not None]
                return 200, {"bookings": sorted(mine, key=lambda each: each["at"])}
            case ("GET" | "DELETE") as method, ["bookings", code]:
                claim = self.claims.get(code)
                if claim is None or claim.guest != query.get("guest"):
                    return 404, {"error": "no such booking"}
                if method == "DELETE":
                    del self.claims[code]
                    return 200, {}
                return 200, claim.told
        return 404, {"error": "no such page"}

    def _free(self, place: str, day: str, people: int, instead: str) -> list[dict[str, str]]:
        slots = [f"{day}T{at}" for at in self.times.get(day, [])]
        return [{"id": slot, "at": slot} for slot in slots if self._taken(place, slot, instead) + people <= self.seats]

    def _taken(self, place: str, slot: str, instead: str) -> int:
        there = [each for each in self.claims.values() if (each.place, each.slot) == (place, slot) and each.code != instead]
        return sum(each.people for each in there)

    def _hold(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        slot, people = body["slot"], int(body["people"])
        free = self._free(body["place"], slot[:10], people, body.get("instead") or "")
        if slot not in [each["id"] for each in free]:
            return 409, {"slots": free}
        self._made += 1
        claim = Claim(f"K{self._made}", body["guest"], body["place"], slot, people, instead=body.get("instead") or "")
        self.claims[claim.code] = claim
        return 201, claim.told

    def _book(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        claim = self.claims.get(body["code"])
        if claim is None or claim.guest != body["guest"]:
            return 410, {"slots": []}
        claim.name = body.get("name") or ""
        old = self.claims.get(claim.instead)
        if old is not None and old.guest == claim.guest:
            del self.claims[old.code]
        return 200, claim.told
