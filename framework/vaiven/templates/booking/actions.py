"""What the flows call: tables that are free, and booking one. Put your own system in their place."""

from datetime import datetime, time, timedelta

from vaiven import action

_BOOKED: dict[str, dict[str, object]] = {}


@action("tables.free")
async def free(day: str, people: int) -> dict[str, object]:
    """The times at which there is a table for so many on that day."""
    evening = datetime.combine(datetime.fromisoformat(day).date(), time(19))
    slots = [evening + timedelta(minutes=30 * n) for n in range(4)]
    return {"slots": [{"id": slot.isoformat(), "start": slot.isoformat()} for slot in slots if people <= 8]}


@action("tables.book")
async def book(slot: str, people: int, name: str, idempotency_key: str) -> dict[str, object]:
    """Book it, once however often it is asked under the same key."""
    booked = {"code": f"T{len(_BOOKED) + 1:03}", "slot": slot, "people": people, "name": name}
    return {"code": _BOOKED.setdefault(idempotency_key, booked)["code"]}
