"""``vaiven talk``: the conversation of a flow in a terminal, with a clock that is moved by hand."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli.options import of_a_bot
from vaiven.edge.paths import bot_of, with_translations

if TYPE_CHECKING:
    from vaiven.edge.settings import BotSettings
    from vaiven.flow.flowset import FlowSet
    from vaiven.model.messages import Capabilities
    from vaiven.runtime.registry import Registry
    from vaiven.testing.talk import Talk

SKINS = {
    "sms": "vaiven.channels.twilio:SMS",
    "whatsapp": "vaiven.channels.whatsapp:WHATSAPP",
    "messenger": "vaiven.channels.messenger:MESSENGER",
}
HELP = """\
  :wait 31m     let time pass (s m h d w); what falls due on the way is said
  :tap 1        tap a button, by its number or its title
  :state        where the session stands: step, variables, timers, votes
  :quit         leave; so does Ctrl-D
Everything else is what you say."""
SUPPRESSED = "     (suppressed: opted out)"
"""In place of an answer that would not go out."""


@click.command(short_help="Hold a flow's conversation in this terminal.")
@click.argument("flows", nargs=-1, required=True, metavar="FLOW...", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--skin", type=click.Choice(SKINS), default="sms", show_default=True, help="What the phone can show: buttons, lists."
)
@of_a_bot
@click.option("--at", metavar="INSTANT", help="Where the clock stands: 2026-12-05T20:30Z. Now, or when the flow's window opens.")
def talk(flows: tuple[Path, ...], skin: str, params: dict[str, Any], at: str | None) -> int:
    """Talk to the bot of these FLOW files: what you type is what a person sends, and the clock moves only by :wait.

    Nothing is sent or stored, but calls are really made: HTTP requests, and actions of the bot. Params, hosts that may be called,
    and actions come from bots/NAME for flows/NAME, where that is there. Lines may come from a file or a pipe too, and then each
    one is shown before its answer. In the talk, :help tells what else can be typed.
    """
    from vaiven.edge.actions import load_registry
    from vaiven.edge.cli.talk_calls import Errands
    from vaiven.runtime.registry import NOTHING

    settings = _settings(flows[0].parent)
    registry = NOTHING if settings is None else load_registry(settings.file)
    partner = _partner(flows, settings, registry, skin, params, at)
    shown = sys.stdin is not None and sys.stdin.isatty()  # None: it was closed before we started
    click.echo("Type what a person would send. :help tells the rest." if shown else "", nl=shown)
    with Errands(settings, registry.actions) as errands:
        for line in _typed(shown):
            if not shown:
                click.echo(f"you> {line}")
            if line in (":quit", ":q"):
                break
            withheld = len(partner.withheld)
            _say(_answer(partner, line))
            _say(errands.run(partner))
            for _ in partner.withheld[withheld:]:
                click.echo(SUPPRESSED)
    return 0


def _say(messages: Iterable[str]) -> None:
    for message in messages:
        click.echo(_bubble(message))


def _partner(
    files: tuple[Path, ...],
    settings: "BotSettings | None",
    registry: "Registry",
    skin: str,
    params: dict[str, Any],
    at: str | None,
) -> "Talk":
    """Somebody to talk to: the compiled flows under a clock of their own.

    Raises:
        FlowError, SettingsError: every problem of the flows, or of their bot.
    """
    import time
    from dataclasses import replace

    from vaiven.edge.surroundings import known_of
    from vaiven.flow.checks import Known
    from vaiven.flow.load import load_flows
    from vaiven.flow.spec import BotSpec
    from vaiven.flow.step import FlowSet
    from vaiven.model.errors import FlowError
    from vaiven.testing.talk import Talk

    spec = BotSpec("talk") if settings is None else settings.spec
    known, wrong = (Known(), []) if settings is None else known_of(settings)
    spec = replace(spec, params={**spec.params, **params}, error_flow=None)
    texts = [(str(file), file.read_bytes().decode()) for file in with_translations(files)]
    documents, problems = load_flows(texts, None if settings is None else spec.params, known, complete=False)
    if errors := [problem for problem in (*wrong, *problems) if problem.is_error]:
        raise FlowError(errors)
    flows = FlowSet.build(spec, documents, parsers=registry.parsers, recogniser=registry.recogniser)
    now_ms = time.time_ns() // 1_000_000 if at is None else _at(at)
    opens_ms = _opening(flows, now_ms) if at is None else None
    if opens_ms is not None:
        click.echo(
            f"The window of this flow is closed now, so the clock stands where it opens: {_instant(opens_ms)}. --at moves it."
        )
    return Talk(flows, _capabilities(skin), channel=skin, now_ms=opens_ms or now_ms)


def _settings(folder: Path) -> "BotSettings | None":
    """The bot of these flows, if there is one. Its environment is not asked."""
    from vaiven.edge.settings import read_settings
    from vaiven.model.errors import SettingsError

    file = bot_of(folder)
    if file is None:
        return None
    settings, problems = read_settings(file)
    if settings is None:
        raise SettingsError([str(problem) for problem in problems])
    return settings


def _at(written: str) -> int:
    from vaiven.testing.talk import instant_ms

    try:
        return instant_ms(written)
    except ValueError:
        raise click.UsageError(f"--at {written}: write an instant with its zone, such as 2026-12-05T20:30Z.") from None


def _opening(flows: "FlowSet", now_ms: int) -> int | None:
    """Where the clock must stand for the first flow that is closed now to be open; None if all are open."""
    for flow in flows.flows.values():
        verdict = flow.window.judge(now_ms)
        if verdict is not None:
            return flow.window.opens_ms if flow.window.opens_ms is not None else (flow.window.closes_ms or now_ms) - 3_600_000
    return None


def _capabilities(skin: str) -> "Capabilities":
    from importlib import import_module

    module, _, name = SKINS[skin].partition(":")
    capabilities: Capabilities = getattr(import_module(module), name)
    return capabilities


def _typed(shown: bool) -> Iterator[str]:
    """Lines from a person or a pipe, without those that are empty, until there are no more."""
    while True:
        if shown:
            try:
                line = input("you> ")
            except EOFError:
                click.echo()
                return
        elif sys.stdin is None or not (line := sys.stdin.readline()):
            return
        if line.strip():
            yield line.strip()


def _bubble(message: str) -> str:
    head, *rest = message.split("\n")
    return "\n".join([f"bot> {head}", *(f"     {line}" for line in rest)])


def _answer(talk: "Talk", line: str) -> list[str]:
    """What the bot says to this line; for a line that is a command, what that tells."""
    word, _, rest = line.partition(" ")
    command = _COMMANDS.get(word)
    if command is None and word[:1] == ":" and word[1:].isalpha():
        click.echo(f"There is no {word}.\n{HELP}")
        return []
    return talk.say(line) if command is None else command(talk, rest.strip())


def _wait(talk: "Talk", duration: str) -> list[str]:
    try:
        said = talk.wait(duration)
    except ValueError as error:
        click.echo(f"{error}")
        return []
    click.echo(f"     ({_instant(talk.now_ms)})")
    return said


def _tap(talk: "Talk", which: str) -> list[str]:
    titles = _buttons(talk)
    if which.isdecimal() and 0 < int(which) <= len(titles):
        which = titles[int(which) - 1]
    try:
        return talk.tap(which)
    except LookupError:
        buttons = ", ".join(f"{number} {title}" for number, title in enumerate(titles, 1))
        click.echo(f"No such button. {f'There are: {buttons}.' if buttons else 'None was shown.'}")
        return []


def _buttons(talk: "Talk") -> list[str]:
    """Titles of the buttons or rows of the newest message that had some."""
    from vaiven.model.effects import Send

    shown = (effect.options for effect in reversed(talk.history) if isinstance(effect, Send) and effect.options)
    return [option.title for option in next(shown, ())]


def _state(talk: "Talk", _: str) -> list[str]:
    session = talk.session
    lines = [f"clock    {_instant(talk.now_ms)}"]
    if session is None:
        lines.append("session  none is open")
    else:
        frame = session.top
        lines.append(f"session  {frame.flow}, step {frame.step}, visit {frame.visit}, tries {frame.tries}")
        lines += _pairs("vars", {**talk.contact.vars, **frame.vars}) + _pairs("answers", frame.answers)
    lines += _pairs("timers", {timer.key: _instant(timer.due_ms) for timer in talk.timers.values()})
    lines += _pairs("votes", {" ".join(key): count for key, count in talk.votes.items()})
    click.echo("\n".join(f"     {line}" for line in lines))
    return []


def _help(_talk: "Talk", _: str) -> list[str]:
    click.echo(HELP)
    return []


_COMMANDS: dict[str, Callable[["Talk", str], list[str]]] = {":wait": _wait, ":tap": _tap, ":state": _state, ":help": _help}


def _pairs(head: str, values: dict[str, Any]) -> list[str]:
    return [f"{head if first else '':8} {name} = {value}" for first, (name, value) in _marked(values)]


def _marked(values: dict[str, Any]) -> Iterator[tuple[bool, tuple[str, Any]]]:
    return ((index == 0, pair) for index, pair in enumerate(values.items()))


def _instant(ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
