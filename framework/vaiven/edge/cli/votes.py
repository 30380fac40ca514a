"""``vaiven votes``: what a store has counted, and a recount of it from the history of every turn."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vaiven.edge.cli import FINDINGS
from vaiven.edge.cli.options import of_a_store, table

if TYPE_CHECKING:
    from vaiven.stores.contract import Store, Total

T = TypeVar("T")
Votes = Mapping[tuple[str, str], int]
"""Votes of one poll by option and outcome."""


@click.group(short_help="Votes: list the polls, show one, recount it.")
def votes() -> None:
    """Votes that a bot has counted. The store is only read; the bot may go on serving from it."""


@votes.command("list", short_help="Every poll, with its number of votes.")
@of_a_store
def list_polls(bot: Path, store: str | None, as_json: bool) -> int:
    """Every poll, with how many votes were accepted, counted and rejected."""
    totals = _run(bot, store, lambda opened: opened.totals())
    polls = [summary(poll, votes) for poll, votes in sorted(by_poll(totals).items())]
    if as_json:
        click.echo(json.dumps({"polls": polls}, indent=2))
    elif not polls:
        click.echo("No votes yet.")
    else:
        rows = [(each["poll"], each["accepted"], each["counted"], sum(each["rejected"].values())) for each in polls]
        click.echo(table(("poll", "accepted", "counted", "rejected"), rows))
    return 0


@votes.command(short_help="One poll: votes by option, and what was rejected and why.")
@click.argument("poll")
@of_a_store
def show(poll: str, bot: Path, store: str | None, as_json: bool) -> int:
    """Votes of POLL by option, and how many were rejected and why. Accepted is counted plus rejected, always. Exit code 1:
    nobody has voted in a poll of that name.
    """
    polls = by_poll(_run(bot, store, lambda opened: opened.totals()))
    if poll not in polls:
        return _no_poll(poll, polls)
    found = summary(poll, polls[poll])
    click.echo(json.dumps(found, indent=2) if as_json else picture(found))
    return 0


@votes.command(short_help="Count a poll again from history, and compare.")
@click.argument("poll")
@of_a_store
def recount(poll: str, bot: Path, store: str | None, as_json: bool) -> int:
    """Count POLL again from the history of every turn, and compare that with the live totals. Exit code 1: they differ, or
    neither knows a poll of that name.

    Turns that are committed while it counts are in neither or in both only by chance: recount a closed poll, or a bot at rest.
    """
    polls, again = _run(bot, store, lambda opened: _both(opened, poll))
    if poll not in polls and not again:
        return _no_poll(poll, polls)
    found = compare(poll, polls.get(poll, {}), again)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found["differences"]:
        click.echo(f"The recount of '{poll}' differs from the live totals:")
        rows = [(each["option"], each["outcome"], each["live"], each["recounted"]) for each in found["differences"]]
        click.echo(table(("option", "outcome", "live", "recounted"), rows))
    else:
        click.echo(f"The recount of '{poll}' agrees: {found['recounted']} votes in history, {found['live']} in the live totals.")
    return FINDINGS if found["differences"] else 0


def _no_poll(poll: str, polls: Iterable[str]) -> int:
    from vaiven.flow.problems import suggest

    known = suggest(poll, sorted(polls), "polls") or "nobody has voted yet."
    click.echo(f"no poll '{poll}'; {known}", err=True)
    return FINDINGS


def by_poll(totals: Iterable["Total"]) -> dict[str, Votes]:
    """Totals as votes by option and outcome, for each poll."""
    polls: dict[str, Counter[tuple[str, str]]] = {}
    for total in totals:
        polls.setdefault(total.poll, Counter())[total.option, str(total.outcome)] += total.count
    return dict(polls)


def summary(poll: str, votes: Votes) -> dict[str, Any]:
    """A poll as the board tells it: ``accepted`` = ``counted`` + every ``rejected``, and the counted votes by option."""
    options: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for (option, outcome), count in votes.items():
        if outcome == "counted":
            options[option] += count
        else:
            rejected[outcome] += count
    counted = options.total()
    return {
        "poll": poll,
        "accepted": counted + rejected.total(),
        "counted": counted,
        "rejected": dict(sorted(rejected.items())),
        "options": dict(sorted(options.items(), key=lambda each: (-each[1], each[0]))),
    }


def compare(poll: str, live: Votes, recounted: Votes) -> dict[str, Any]:
    """Where two counts of one poll differ, by option and outcome."""
    keys = sorted({*live, *recounted})
    pairs = [(key, live.get(key, 0), recounted.get(key, 0)) for key in keys]
    differences = [
        {"option": option, "outcome": outcome, "live": one, "recounted": other}
        for (option, outcome), one, other in pairs
        if one != other
    ]
    return {"poll": poll, "live": sum(live.values()), "recounted": sum(recounted.values()), "differences": differences}


def picture(found: Mapping[str, Any]) -> str:
    """A poll as a person reads it."""
    share = max(1, found["counted"])
    rows = [(option, count, f"{100 * count / share:.1f} %") for option, count in found["options"].items()]
    lines = [f"{found['poll']}: {found['accepted']} accepted, {found['counted']} counted"]
    if rows:
        lines.append(table(("option", "votes", "share"), rows))
    if found["rejected"]:
        lines.append("rejected: " + ", ".join(f"{count} {reason}" for reason, count in found["rejected"].items()))
    return "\n".join(lines)


async def recounted(store: "Store", poll: str) -> Votes:
    """Votes of a poll as the effects of every turn in history tell them."""
    from vaiven.model.effects import Tally

    found: Counter[tuple[str, str]] = Counter()
    async for record in store.history():
        for effect in record.effects:
            if isinstance(effect, Tally) and effect.poll == poll:
                found[effect.option, str(effect.outcome)] += 1
    return found


async def _both(store: "Store", poll: str) -> tuple[dict[str, Votes], Votes]:
    return by_poll(await store.totals()), await recounted(store, poll)


def _run(bot: Path, url: str | None, read: Callable[["Store"], Coroutine[Any, Any, T]]) -> T:
    """Open the bot's store for reading, read, and close it."""
    from vaiven.edge.cli.opening import looked

    return looked(bot, url, read)
