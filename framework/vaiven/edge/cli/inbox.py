"""``vaiven inbox``: conversations that wait for people, from a terminal, by the HTTP API of a bot that serves."""

import json
import secrets
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from vaiven.edge.cli import FINDINGS

if TYPE_CHECKING:
    from vaiven.edge.inbox_client import Client

SERVER = "http://127.0.0.1:8080"
STATES = ["waiting", "taken", "closed"]


def _served(command: Callable[..., int]) -> Callable[..., Any]:
    """The options of every command here. The command gets a client; a refusal is told, and is exit code 1."""

    @click.option(
        "--server", metavar="URL", envvar="VAIVEN_SERVER", default=SERVER, show_default=True, help="Where the bot serves."
    )
    @click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="The token, in a file; else VAIVEN_TOKEN.",
    )
    @click.option("--json", "as_json", is_flag=True, help="One JSON object, for tools.")
    @wraps(command)
    def run(server: str, token_file: Path | None, as_json: bool, **arguments: Any) -> int:
        from vaiven.edge.inbox_client import Client, Refusal
        from vaiven.edge.inbox_words import sorry

        try:
            return command(Client(server, _token(token_file)), as_json, **arguments)
        except Refusal as refusal:
            if as_json:
                click.echo(json.dumps(refusal.problem, indent=2))
            else:
                click.echo(sorry(refusal.problem), err=True)
            return FINDINGS

    return run


def _acting(command: Callable[..., int]) -> Callable[..., Any]:
    """What every act takes besides."""
    command = click.option(
        "--key", metavar="KEY", help="Its Idempotency-Key: the same again does nothing. A new one, unless given."
    )(command)
    help_text = "Only if the conversation is still at this version, as `show` tells it."
    return click.option("--if-version", type=click.IntRange(0), metavar="N", help=help_text)(command)


def _token(file: Path | None) -> str:
    """The token by its file or the environment: on a command line others of this machine could read it."""
    import os

    from vaiven.edge.inbox_client import CannotAsk

    token = os.environ.get("VAIVEN_TOKEN", "") if file is None else file.read_text("utf-8", "replace")
    if not token.strip():
        raise CannotAsk(
            "no token is here: set VAIVEN_TOKEN, or name its file: --token-file FILE. `vaiven tokens create` makes one"
        )
    return token.strip()


@click.group(short_help="The inbox: list, show, take, reply, note, return, close.")
def inbox() -> None:
    """Conversations that wait for people or that people have, by the HTTP API of a bot that serves (vaiven run).

    CONVERSATION is an id as `list` tells it, or an address of somebody who is in that list, such as +12025550123.
    """


@inbox.command("list", short_help="Who waits, and who has whom.")
@click.option("--queue", default="", help="Only this queue.")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only these; who waits or is with people, unless given.")
@click.option("--mine", is_flag=True, help="Only what you have.")
@_served
def list_conversations(client: "Client", as_json: bool, queue: str, state: str | None, mine: bool) -> int:
    """Who waits for a person, the longest wait first; then who has whom. Of those that were closed, the newest first."""
    from vaiven.edge.cli.options import table
    from vaiven.edge.inbox_words import row

    me = client.read("/me")["agent"]["id"]
    found = list(client.pages("conversations", queue=queue, state=state, agent=me if mine else None))
    if as_json:
        click.echo(json.dumps({"conversations": found}, indent=2))
    elif not found:
        click.echo("Nobody waits." if state == "waiting" else "No conversations.")
    else:
        now_ms = _now_ms()
        click.echo(
            table(("waits", "who has it", "person", "name", "channel", "queue", "id"), [row(one, me, now_ms) for one in found])
        )
    return 0


@inbox.command(short_help="One conversation: what was said, by whom.")
@click.argument("conversation")
@click.option("--limit", type=click.IntRange(1, 100), default=30, show_default=True, help="So many of the newest turns.")
@click.option("--before", type=click.IntRange(1), metavar="N", help="Only turns before this one.")
@_served
def show(client: "Client", as_json: bool, conversation: str, limit: int, before: int | None) -> int:
    """CONVERSATION: who has it, until when anything may be said, what was said. What people wrote cannot act on the terminal."""
    from vaiven.edge.inbox_words import picture

    found = client.read(f"/conversations/{quote(_id(client, conversation), safe='')}", limit=limit, before=before)
    click.echo(json.dumps(found, indent=2) if as_json else picture(found, client.read("/me")["agent"]["id"], _now_ms()))
    return 0


@inbox.command(short_help="Have it: from then on you speak.")
@click.argument("conversation")
@_acting
@_served
def take(client: "Client", as_json: bool, conversation: str, key: str | None, if_version: int | None) -> int:
    """Take CONVERSATION: from then on you speak, and the bot is silent. Exit code 1: somebody else has it, or nobody waits."""
    return _act(client, as_json, conversation, "take", "You have it.", key, if_version)


@inbox.command(short_help="Say something to the person.")
@click.argument("conversation")
@click.argument("text", required=False)
@click.option("--saved", metavar="NAME", help="A saved reply, in place of TEXT: see `vaiven inbox replies`.")
@click.option("--value", "values", multiple=True, metavar="TEXT", help="What fills the blanks of a template, in order.")
@_acting
@_served
def reply(
    client: "Client",
    as_json: bool,
    conversation: str,
    text: str | None,
    saved: str | None,
    values: tuple[str, ...],
    key: str | None,
    if_version: int | None,
) -> int:
    """Say TEXT in CONVERSATION, which you must have; - reads it from standard input. Nothing in it is filled in."""
    if (text is None) == (saved is None):
        raise click.UsageError("Say either TEXT or --saved NAME.")
    id_ = _id(client, conversation)
    body: dict[str, Any] = {"text": _typed(text)} if text is not None else _saved(client, id_, str(saved), values)
    if text is not None and values:
        raise click.UsageError("--value fills the blanks of a template: name one with --saved.")
    return _act(client, as_json, id_, "reply", "Said.", key, if_version, body)


@inbox.command(short_help="Leave a note for colleagues.")
@click.argument("conversation")
@click.argument("text")
@_acting
@_served
def note(client: "Client", as_json: bool, conversation: str, text: str, key: str | None, if_version: int | None) -> int:
    """Leave the note TEXT in CONVERSATION, for colleagues; - reads it from standard input. The person never sees it."""
    return _act(client, as_json, conversation, "note", "Noted.", key, if_version, {"text": _typed(text)})


@inbox.command("return", short_help="Hand it back to the bot.")
@click.argument("conversation")
@_acting
@_served
def hand_back(client: "Client", as_json: bool, conversation: str, key: str | None, if_version: int | None) -> int:
    """Hand CONVERSATION back to the bot: its flow hears `agent.returned` and goes on."""
    return _act(client, as_json, conversation, "return", "Handed back.", key, if_version)


@inbox.command(short_help="Close it.")
@click.argument("conversation")
@_acting
@_served
def close(client: "Client", as_json: bool, conversation: str, key: str | None, if_version: int | None) -> int:
    """Close CONVERSATION: its flow hears `agent.closed` and goes on, to its end or to a rating."""
    return _act(client, as_json, conversation, "close", "Closed.", key, if_version)


@inbox.command(short_help="The saved replies.")
@click.option("--lang", default="", metavar="LANG", help="In this language; else in the bot's own.")
@_served
def replies(client: "Client", as_json: bool, lang: str) -> int:
    """The replies that the bot's settings keep ready (`replies:` of bot.yaml), by name."""
    from vaiven.edge.plain import plain

    found = client.read("/replies", lang=lang)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not found["replies"]:
        click.echo("There are none: write some under `replies:` in bot.yaml.")
    for one in [] if as_json else found["replies"]:
        template = f"  (template {plain(one['template'])})" if one["template"] else ""
        click.echo(f"{plain(one['name'])}{template}\n  {plain(one['text'])}")
    return 0


def _act(
    client: "Client",
    as_json: bool,
    conversation: str,
    act: str,
    done: str,
    key: str | None,
    version: int | None,
    body: dict[str, Any] | None = None,
) -> int:
    told = client.act(_id(client, conversation), act, key or secrets.token_hex(12), body, version)
    click.echo(json.dumps(told, indent=2) if as_json else done)
    return 0


def _id(client: "Client", conversation: str) -> str:
    """The id of a conversation that is named by it, or by the person's address. Ids have neither ``:`` nor ``+``."""
    if ":" not in conversation and "+" not in conversation:
        return conversation
    found = client.of_address(conversation)
    if not found:
        raise click.UsageError(f"Nobody of the address {conversation} is in the list. `vaiven inbox list` tells who is.")
    if len(found) > 1:
        ids = ", ".join(f"{one['id']} ({one['channel']})" for one in found)
        raise click.UsageError(f"{conversation} has several conversations. Name one by its id: {ids}")
    return str(found[0]["id"])


def _saved(client: "Client", id_: str, name: str, values: tuple[str, ...]) -> dict[str, Any]:
    """A saved reply as the body of a reply, in the language of the person; a template with its blanks filled."""
    from vaiven.edge.inbox_words import filled
    from vaiven.flow.problems import suggest

    lang = client.read(f"/conversations/{quote(id_, safe='')}", limit=1)["lang"]
    known = {one["name"]: one for one in client.read("/replies", lang=lang)["replies"]}
    if name not in known:
        raise click.UsageError(f"There is no saved reply '{name}'. {suggest(name, sorted(known), 'Saved replies')}")
    one = known[name]
    if len(values) != one["blanks"]:
        raise click.UsageError(f"'{name}' has {one['blanks']} blanks, and --value was given {len(values)} times.")
    if not one["template"]:
        return {"text": one["text"]}
    template = {"name": one["template"], "lang": one["lang"], "values": list(values)}
    return {"text": filled(one["text"], values), "template": template}


def _typed(text: str) -> str:
    return sys.stdin.read().rstrip("\n") if text == "-" else text


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
