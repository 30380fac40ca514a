"""Committing turns and settling rows: what a call carries, and what its answer means.

The usual turn and the usual settlement have scripts of their own, of few commands. What those cannot decide they leave undone,
and the whole scripts decide it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vaiven.model.outbox import OutboxRow, Settlement
from vaiven.model.turns import AlreadyHandled, Committed, LeaseLost, SessionMoved, Turn, Unreached, Verdict
from vaiven.stores import rules
from vaiven.stores.contract import Claiming
from vaiven.stores.redis import packing
from vaiven.stores.redis.asking import Asking
from vaiven.stores.redis.claims import flat, share
from vaiven.stores.redis.usual import UsualTurns, settlements

LARGEST = 128
"""Turns in one call at most: some two milliseconds of the server."""

_LOST, _HANDLED = -1, -2

Epochs = Mapping[int, int]
Budget = Mapping[str, int]


async def commit(on: Asking, turns: Sequence[Turn], claiming: Claiming | None) -> list[Verdict]:
    """A verdict a turn, in order."""
    epochs: Epochs = {} if claiming is None else claiming.epochs
    budget: Budget = {} if claiming is None else claiming.budget
    if not on.cluster:
        return await _commit(on, turns, epochs, budget) if turns else []
    apart: dict[int, list[int]] = {}
    for at, turn in enumerate(turns):
        apart.setdefault(turn.event.partition, []).append(at)
    shares = _shares(turns, budget) if len(apart) > 1 else dict.fromkeys(apart, budget)
    calls = {each: _commit(on, [turns[at] for at in ats], epochs, shares.get(each, {})) for each, ats in apart.items()}
    found, _ = await on.apart(calls)
    return _in_order(len(turns), apart, found, Unreached)


def _in_order(
    count: int, places: Mapping[int, Sequence[int]], answers: Mapping[int, Sequence[Any]], lacking: Callable[[int], Any]
) -> list[Any]:
    found: list[Any] = [None] * count
    for each, ats in places.items():
        given = answers[each] if each in answers else [lacking(each)] * len(ats)
        for at, one in zip(ats, given, strict=True):
            found[at] = one
    return found


def _shares(turns: Sequence[Turn], budget: Budget) -> dict[int, dict[str, int]]:
    """How many rows each partition may dial: those that come first over all of them."""
    rows = sorted((row for turn in turns for row in turn.rows), key=packing.rank)
    return share(((row.partition, row.channel) for row in rows), budget)


# -- the usual turn --------------------------------------------------------------------------------------------------------


async def _commit(on: Asking, turns: Sequence[Turn], epochs: Epochs, budget: Budget) -> list[Verdict]:
    left = dict(budget)
    found, packed = usual(on.keys.prefixes, turns, epochs, left)
    taken = set(found)
    rest = [at for at in range(len(turns)) if at not in taken]
    # The usual ones go first; but what tells somebody a word waits for those before it, and for no others.
    if not found or any(rules.tells(turns[at]) for at in rest):
        return await _wholly(on, turns, epochs, budget)
    verdicts: dict[int, Verdict] = {}
    first = on.run("quick", turns[0].event.partition, *packed.asked())
    codes, others = await asyncio.gather(first, _wholly(on, [turns[at] for at in rest], epochs, left))
    verdicts.update(zip(rest, others, strict=True))
    for told in others:
        for row in told.dialed if isinstance(told, Committed) else ():
            left[row.channel] -= 1
    unusual = []
    for at, code in zip(found, codes, strict=True):
        if code == packing.UNUSUAL:
            unusual.append(at)
            for row in turns[at].rows:
                left[row.channel] += 1
        else:
            verdicts[at] = _verdict(turns[at], code, [packing.dialed(row) for row in turns[at].rows] if code == 0 else None)
    verdicts.update(zip(unusual, await _wholly(on, [turns[at] for at in unusual], epochs, left), strict=True))
    return [verdicts[at] for at in range(len(turns))]


def usual(
    prefixes: Mapping[int, str], turns: Sequence[Turn], epochs: Epochs, left: dict[str, int]
) -> tuple[list[int], UsualTurns]:
    """Turns for the quick scripts, by place, packed. What their rows take is gone from the budget that is ``left``."""
    found: list[int] = []
    packed = UsualTurns(prefixes)
    if len(turns) > LARGEST:
        return found, packed
    homes = [turn.event.home for turn in turns]
    again = {home for home, count in Counter(homes).items() if count > 1} if len(set(homes)) < len(homes) else ()
    wanted = [row.channel for turn in turns for row in turn.rows]
    # Nearly always there is room for all of them.
    tight = [channel for channel in set(wanted) if left.get(channel, 0) < len(wanted)]
    short = {channel for channel in tight if left.get(channel, 0) < wanted.count(channel)}
    for at, turn in enumerate(turns):
        rows = turn.rows
        if (again and turn.event.home in again) or (short and rows and rows[0].channel in short):
            continue
        if packed.add(turn, epochs.get(turn.event.partition, 0)):
            found.append(at)
            if rows:
                left[rows[0].channel] -= 1
    return found, packed


# -- any turn --------------------------------------------------------------------------------------------------------------


async def _wholly(on: Asking, turns: Sequence[Turn], epochs: Epochs, budget: Budget) -> list[Verdict]:
    """One call, or one after the other if the turns are too many for one."""
    verdicts: list[Verdict] = []
    left = dict(budget)
    refused: set[str] = set()
    for at in range(0, len(turns), LARGEST):
        some = turns[at : at + LARGEST]
        given = await _call(on, some, epochs, left, refused)
        verdicts += given
        refused.update(turn.event.home for turn, one in zip(some, given, strict=True) if not isinstance(one, Committed))
        for row in (row for one in given if isinstance(one, Committed) for row in one.dialed):
            left[row.channel] -= 1
    return verdicts


async def _call(on: Asking, turns: Sequence[Turn], epochs: Epochs, budget: Budget, refused: set[str]) -> list[Verdict]:
    blobs: packing.Blobs = []
    packed = [packing.turn(turn, blobs) for turn in turns]
    sends = flat((packing.names[each], epochs[each]) for each in {turn.event.partition for turn in turns} if each in epochs)
    asked = (packed, sends, flat(budget.items()), tuple(refused))
    codes, dialed = packing.decode_verdicts(await on.run("commit", turns[0].event.partition, asked, blobs))
    rows: dict[int, list[OutboxRow]] = {}
    pairs = iter(dialed)
    for at, index in zip(pairs, pairs, strict=True):
        rows.setdefault(at, []).append(packing.dialed(turns[at].rows[index]))
    return [_verdict(turn, code, rows.get(at)) for at, (turn, code) in enumerate(zip(turns, codes, strict=True))]


def _verdict(turn: Turn, code: int, dialed: list[OutboxRow] | None) -> Verdict:
    if code == 0:
        return Committed(turn.number, tuple(dialed)) if dialed else Committed(turn.number)
    if code == _LOST:
        return LeaseLost(turn.event.partition)
    if code == _HANDLED:
        return AlreadyHandled(turn.event.id)
    return SessionMoved(turn.event.home, code - 1)


# -- settling --------------------------------------------------------------------------------------------------------------


async def settle(on: Asking, told: Sequence[Settlement]) -> list[bool | None]:
    """Whether each was recorded, in order; None: its node does not answer."""
    apart: dict[int, list[int]] = {}
    if on.cluster:
        for at, one in enumerate(told):
            apart.setdefault(one.partition, []).append(at)
    else:
        for at in range(0, len(told), LARGEST):
            apart[at] = [*range(at, min(at + LARGEST, len(told)))]
    found, _ = await on.apart({each: _settle(on, [told[at] for at in ats]) for each, ats in apart.items()})
    return _in_order(len(told), apart, found, lambda _: None)


async def _settle(on: Asking, told: Sequence[Settlement]) -> list[bool]:
    found = [False] * len(told)
    partition, rest = told[0].partition, [*range(len(told))]
    if len({(one.partition, one.row) for one in told}) == len(told):
        usual, packed = settlements(told, on.keys.prefixes)
        if usual:
            answers = await on.run("settled", partition, *packed)
            done = {at for at, answer in zip(usual, answers, strict=True) if answer != packing.UNUSUAL}
            for at, answer in zip(usual, answers, strict=True):
                found[at] = answer == 1
            rest = [at for at in rest if at not in done]
    if rest:
        blobs: packing.Blobs = []
        answers = await on.run("settle", partition, [packing.settlement(told[at], blobs) for at in rest], blobs)
        for at, answer in zip(rest, answers, strict=True):
            found[at] = answer == 1
    return found
