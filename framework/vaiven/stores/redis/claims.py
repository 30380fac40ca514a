"""Claiming rows: in one call on a single server; on a cluster look first, then claim where the best ones lie."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from vaiven.model.outbox import OutboxRow
from vaiven.stores.redis import packing
from vaiven.stores.redis.asking import Asking

ROUNDS = 64
"""So often a claim looks again on a cluster, while what it saw turned out to be blocked or was claimed by somebody else."""


async def claim(
    on: Asking, epochs: Mapping[int, int], now_ms: int, room: Mapping[str, int]
) -> tuple[Sequence[OutboxRow], Collection[int]]:
    """Rows claimed, of each channel at most its ``room``; and partitions that were asked, and whose answer nobody knows."""
    if not epochs or not room:
        return [], ()
    if not on.cluster:
        return await _claim(on, 0, flat(epochs.items()), now_ms, room), ()
    claimed: list[OutboxRow] = []
    lost: set[int] = set()
    left = dict(room)
    for _ in range(ROUNDS):
        looked = {each: epoch for each, epoch in epochs.items() if each not in lost}
        shares = await _shares(on, looked, now_ms, left)
        found, away = await on.apart(
            {each: _claim(on, each, [each, epochs[each]], now_ms, share) for each, share in shares.items()}
        )
        lost.update(away.partitions if away is not None else ())
        for row in (row for rows in found.values() for row in rows):
            claimed.append(row)
            left[row.channel] -= 1
        left = {channel: more for channel, more in left.items() if more > 0}
        if not shares or not left:
            break
    return claimed, lost


async def _claim(on: Asking, partition: int, held: list[int], now_ms: int, room: Mapping[str, int]) -> list[OutboxRow]:
    return [packing.read_row(*row) for row in await on.run("claim", partition, (now_ms, flat(room.items()), held))]


async def _shares(on: Asking, epochs: Mapping[int, int], now_ms: int, room: Mapping[str, int]) -> dict[int, dict[str, int]]:
    """How many rows of each channel each partition may claim: those that come first over all of them."""
    asked = flat(room.items())
    looks, away = await on.apart({each: on.read("ready", each, (now_ms, asked, each, epoch)) for each, epoch in epochs.items()})
    if away is not None and not looks:
        raise away
    ranked = sorted(
        (rank, since, partition, channel.decode()) for partition, found in looks.items() for channel, rank, since in found
    )
    return share(((partition, channel) for _, _, partition, channel in ranked), room)


def share(ranked: Iterable[tuple[int, str]], room: Mapping[str, int]) -> dict[int, dict[str, int]]:
    """The room of each channel given to partitions, as rows that come first ask for it."""
    left = dict(room)
    shares: dict[int, dict[str, int]] = {}
    for partition, channel in ranked:
        if left.get(channel, 0) > 0:
            left[channel] -= 1
            mine = shares.setdefault(partition, {})
            mine[channel] = mine.get(channel, 0) + 1
    return shares


def flat(pairs: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Pairs end to end, as scripts take them."""
    return [each for pair in pairs for each in pair]
