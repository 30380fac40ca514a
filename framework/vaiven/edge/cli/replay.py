"""``vaiven replay``: stored conversations again, from history alone, or on an edited flow."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS
from vaiven.edge.cli.options import of_a_bot, of_a_store

if TYPE_CHECKING:
    from vaiven.edge.retelling import Masker
    from vaiven.edge.settings import BotSettings
    from vaiven.flow.document import FlowDocument
    from vaiven.runtime.against import Against
    from vaiven.runtime.replay import Scene
    from vaiven.stores.contract import Store

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def _span(_: click.Context, __: click.Parameter, value: str) -> int:
    """``90m``, ``1d``, ``2w`` in milliseconds."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhdw])", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no time such as 90m, 1d or 2w")
    return int(match[1]) * _UNITS_MS[match[2]]


@click.command(short_help="Stored conversations again: turn by turn, or on an edited flow.")
@click.argument("home", required=False)
@click.option(
    "--against", "new", metavar="PATH", type=click.Path(exists=True, path_type=Path), help="An edited flow, or a folder of them."
)
@click.option("--since", callback=_span, default="1d", show_default=True, metavar="TIME", help="With --against: how far back.")
@click.option("--fail", is_flag=True, help="With --against: exit code 1 where a conversation would differ.")
@click.option("--channel", metavar="NAME", help="Turns of this channel only.")
@click.option("--to", type=click.IntRange(1), metavar="N", help="So many turns, then stop.")
@click.option("--step", is_flag=True, help="Wait for a key after each turn; q ends. From a pipe: a line for each.")
@click.option("--unmasked", is_flag=True, help="Show personal values, too.")
@of_a_bot
@of_a_store
def replay(
    home: str | None,
    new: Path | None,
    since: int,
    fail: bool,
    channel: str | None,
    to: int | None,
    step: bool,
    unmasked: bool,
    params: dict[str, Any],
    bot: Path,
    store: str | None,
    as_json: bool,
) -> int:
    """Tell the stored conversation of HOME (tel:+12025550123) turn by turn: what came, what was said, state and values before and
    after, timers and facts. Each turn is decided again by the version of the flow that history names, and compared with what was
    recorded. Exit code 1: a turn came out otherwise, or nobody of that address has ever written.

    With --against, every conversation since then goes through edited flows instead: whose would differ, where first, and why.

    The store is only read; the bot may go on serving from it. Personal values are masked. Params are those of the bot now; where
    it had others then, as the demo has, give them by --param.
    """
    from vaiven.edge.retelling import Masker

    if (home is None) == (new is None):
        raise click.UsageError("Name the address of a conversation, or edited flows with --against.")
    masker = Masker(off=unmasked)
    settings, scene = _scene(bot, params)
    if new is not None:
        return _against(new, settings, scene, bot, store, since, fail, as_json, masker)
    address = home if home is not None and ":" in home else f"tel:{home}"
    pause = _pause if step and not as_json else None
    turns, differ = _conversation(address, settings, scene, bot, store, channel, to, pause, as_json, masker)
    if not turns:
        click.echo(f"nobody has written from {address}: an address is whole, as tel:+12025550123", err=True)
        return FINDINGS
    if as_json:
        click.echo(json.dumps({"home": address, "turns": turns, "differ": differ}, indent=2, ensure_ascii=False))
    else:
        told = "all as recorded" if not differ else f"{differ} not as recorded"
        unchecked = sum(turn["check"].startswith("unchecked") for turn in turns)
        click.echo(f"{_count(len(turns), 'turn')}: {told}{f', {unchecked} could not be checked' if unchecked else ''}.")
    return FINDINGS if differ else 0


def _conversation(
    home: str,
    settings: "BotSettings",
    scene: "Scene",
    bot: Path,
    url: str | None,
    channel: str | None,
    to: int | None,
    pause: Callable[[], bool] | None,
    quiet: bool,
    masker: "Masker",
) -> tuple[list[dict[str, Any]], int]:
    """The turns as data, told as they come unless ``quiet``, and how many came out otherwise. ``pause`` False: no more."""
    from vaiven.edge.cli.opening import looked
    from vaiven.edge.retelling import picture, view
    from vaiven.model.urns import Urn
    from vaiven.runtime.replay import Past, published_flows
    from vaiven.runtime.replay import replay as replayed

    async def read(store: "Store") -> list[dict[str, Any]]:
        flows = await published_flows(store, settings.spec, scene.registry)
        past = Past(store, flows)
        turns: list[dict[str, Any]] = []
        async for each in replayed(store, Urn(home), scene, flows):
            for state in (each.before, each.record.after):
                for session in state.sessions.values() if state is not None else ():
                    for frame in session.frames:
                        if (flow := await past.shape(frame.shape)) is not None:
                            masker.declare(frame.shape, flow.document)
            if channel is not None and each.record.event.channel != channel:
                continue
            turns.append(view(len(turns) + 1, each, masker))
            if not quiet:
                click.echo(f"{picture(turns[-1])}\n")
            if len(turns) == to or (pause is not None and not pause()):
                break
        return turns

    turns = looked(bot, url, read)
    return turns, sum(turn["check"] == "differs" for turn in turns)


def _pause() -> bool:
    """Wait for a key, from a pipe for a line; whether to go on."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip() != "q"
    prompt = "-- any key: the next turn, q: no more --"
    click.echo(prompt, nl=False)
    key = click.getchar()
    click.echo(f"\r{' ' * len(prompt)}\r", nl=False)
    return key not in ("q", "Q", "\x04")


def _scene(bot: Path, params: dict[str, Any]) -> "tuple[BotSettings, Scene]":
    from dataclasses import replace

    from vaiven.edge.casting import scene

    settings, found = scene(bot)
    return replace(settings, params={**settings.params, **params}), found


def _against(
    new: Path,
    settings: "BotSettings",
    scene: "Scene",
    bot: Path,
    url: str | None,
    since: int,
    fail: bool,
    as_json: bool,
    masker: "Masker",
) -> int:
    from vaiven.edge.cli.opening import looked
    from vaiven.runtime.against import against, heard
    from vaiven.runtime.replay import published_flows

    documents = _edited(new, settings)

    async def read(store: "Store") -> "Against":
        current = await published_flows(store, settings.spec, scene.registry)
        flows = current.renewed(documents)
        for each in flows.shapes.values():
            masker.declare(each.shape, each.document)
        since_ms = await store.now_ms() - since
        homes = await heard(store, since_ms)
        turns, shown = homes.total(), sys.stderr.isatty()
        with click.progressbar(
            length=turns, label=_count(turns, "turn"), file=sys.stderr, hidden=not shown, update_min_steps=max(1, turns // 200)
        ) as bar:
            return await against(store, scene, flows, homes, since_ms, bar.update)

    found = looked(bot, url, read)
    told = summary(found, masker)
    click.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else _told(told))
    return FINDINGS if fail and found.differing else 0


def _edited(new: Path, settings: "BotSettings") -> "list[FlowDocument]":
    """The checked flows of a file or a folder. Raises FlowError, SettingsError."""
    from vaiven.edge.paths import FLOWS, flow_files, with_translations
    from vaiven.edge.surroundings import known_of
    from vaiven.flow.load import load_flows
    from vaiven.model.errors import FlowError, SettingsError

    paths = flow_files(new) if new.is_dir() else with_translations([new])
    if not paths:
        raise SettingsError([f"{new}: there are no flows ({FLOWS}) in it"])
    known, _ = known_of(settings)
    texts = [(str(path), path.read_text("utf-8")) for path in paths]
    documents, problems = load_flows(texts, settings.params, known, complete=new.is_dir())
    if any(problem.is_error for problem in problems):
        raise FlowError([problem for problem in problems if problem.is_error])
    return documents


def summary(found: "Against", masker: "Masker") -> dict[str, Any]:
    """What came of it, as data."""
    from vaiven.edge.retelling import instant, shown
    from vaiven.model.urns import mask

    return {
        "people": found.homes,
        "turns": found.turns,
        "unknown": found.unknown,
        "differ": found.differing,
        "causes": [
            {
                "flow": cause.flow,
                "step": cause.step,
                "what": cause.what,
                "people": each.homes,
                "first": each.first,
                "examples": [
                    {
                        "home": one.home if masker.off else mask(one.home),
                        "number": one.number,
                        "at": instant(one.at_ms),
                        **dict(zip(("was", "now"), shown(cause.what, one, masker), strict=True)),
                    }
                    for one in each.examples
                ],
            }
            for cause, each in found.ranked()
        ],
    }


def _told(found: dict[str, Any]) -> str:
    lines = [f"{_people(found['people'])}, {_count(found['turns'], 'turn')}: {_differ(found['differ'])}."]
    if found["unknown"]:
        lines.append(f"{_count(found['unknown'], 'turn')} could not be tried: history does not reach back to the state before.")
    for cause in found["causes"]:
        where = f"{cause['flow']}/{cause['step']}" if cause["step"] else "nobody's step yet"
        lines.append(f"\n{cause['what']} at {where}: {_people(cause['people'])}, first for {cause['first']}")
        for one in cause["examples"]:
            lines += [
                f"  {one['home']}  {one['at']}  turn {one['number']}",
                f"    was  {_line(one['was'])}",
                f"    now  {_line(one['now'])}",
            ]
    return "\n".join(lines)


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _differ(number: int) -> str:
    return f"the conversations of {_people(number)} would differ" if number else "nobody's conversation would differ"


def _line(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
