"""``vaiven tokens``: who may use the HTTP API, and for what."""

import json
import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vaiven.edge.cli import FINDINGS
from vaiven.edge.cli.options import of_a_store, table

if TYPE_CHECKING:
    from vaiven.runtime.tokens import Token
    from vaiven.stores.contract import Store

SCOPES = ("conversations:read", "conversations:write")
_AGENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")


def _agent(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _AGENT.match(value):
        raise click.BadParameter(f"{value!r} is no id of an agent: small letters, digits, '.', '_', '-', such as ana")
    return value


@click.group(short_help="Tokens of the HTTP API: list, create, revoke.")
def tokens() -> None:
    """Tokens of the HTTP API under /v1. Each is an agent's; what they do with it is written down as theirs.

    The store keeps only a digest, so a token is shown once, when it is made. These work while the bot serves; what is made
    before counts as soon as it does.
    """


@tokens.command("list", short_help="Every token that counts.")
@of_a_store
def list_tokens(bot: Path, store: str | None, as_json: bool) -> int:
    """Every token that counts, oldest first: its id, whose it is, what it may do. Never the token itself."""
    found = _listed(bot, store)
    if as_json:
        click.echo(json.dumps({"tokens": [_told(one) for one in found]}, indent=2))
    elif not found:
        click.echo("No tokens. Make one: vaiven tokens create ana")
    else:
        rows = [(one["id"], one["agent"], one["name"], one["created"], " ".join(one["scopes"])) for one in map(_told, found)]
        click.echo(table(("id", "agent", "name", "created", "scopes"), rows))
    return 0


@tokens.command(short_help="Make a token for an agent.")
@click.argument("agent", callback=_agent)
@click.option("--name", default="", help="How people see the agent: {agent.name} in a flow. The id, unless given.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do; both, unless given.")
@of_a_store
def create(agent: str, name: str, scopes: tuple[str, ...], bot: Path, store: str | None, as_json: bool) -> int:
    """Make a token for AGENT and show it, this once."""
    from vaiven.runtime.tokens import CREATE, make_token

    token, kept = make_token(agent, name or agent, scopes or SCOPES, _now_ms())
    _change(bot, store, CREATE, kept)
    if as_json:
        click.echo(json.dumps({"id": kept["id"], "token": token}))
    else:
        click.echo(token)
        click.echo(f"Token {kept['id']} of {agent}. It is not shown again.", err=True)
    return 0


@tokens.command(short_help="End a token.")
@click.argument("id")
@of_a_store
def revoke(id: str, bot: Path, store: str | None, as_json: bool) -> int:
    """End the token ID: within a second no process takes it any more. Exit code 1: there is none."""
    from vaiven.runtime.tokens import REVOKE

    known = any(one.id == id for one in _listed(bot, store))
    if known:
        _change(bot, store, REVOKE, {"id": id})
    if as_json:
        click.echo(json.dumps({"id": id, "revoked": known}))
    else:
        click.echo(f"Token {id} is revoked." if known else f"No token {id}: see `vaiven tokens list`.", err=not known)
    return 0 if known else FINDINGS


def _listed(bot: Path, url: str | None) -> "list[Token]":
    from vaiven.edge.cli.opening import looked
    from vaiven.runtime.tokens import listed, tokens_home

    home = tokens_home(_name(bot))

    async def read(store: "Store") -> "list[Token]":
        (state,) = await store.load([home])
        return listed(state.contact.vars.get("state", {}))

    return looked(bot, url, read)


def _change(bot: Path, url: str | None, name: str, data: dict[str, Any]) -> None:
    from vaiven.edge.cli.opening import acted
    from vaiven.runtime.tokens import change_token

    named = _name(bot)
    acted(bot, url, "token", lambda store: change_token(store, named, name, data, _now_ms()), name=name, data=data)


def _name(bot: Path) -> str:
    """The bot's own name: its tokens are filed under it."""
    from vaiven.edge.settings import bot_file, where
    from vaiven.model.errors import SettingsError

    named = where(bot, os.environ).bot
    if not named:
        raise SettingsError([f"{bot_file(bot)}: a token is a bot's, and there is no name of a bot here. Say which: --bot PATH"])
    return named


def _told(token: "Token") -> dict[str, Any]:
    made = datetime.fromtimestamp(token.created_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"id": token.id, "agent": token.agent, "name": token.name, "created": made, "scopes": list(token.scopes)}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
