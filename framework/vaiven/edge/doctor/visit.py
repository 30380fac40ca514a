"""One visit of the doctor: look at everything, then say what it means."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from vaiven.edge.doctor.checks.cluster import check_cluster
from vaiven.edge.doctor.checks.host import check_host
from vaiven.edge.doctor.checks.redis import check_redis
from vaiven.edge.doctor.checks.settings import check_settings
from vaiven.edge.doctor.checks.sqlite import check_sqlite
from vaiven.edge.doctor.checks.store import check_store
from vaiven.edge.doctor.checks.street import check_street
from vaiven.edge.doctor.findings import Code, Finding, fail, warn
from vaiven.edge.doctor.looks import settings as looks_settings
from vaiven.edge.doctor.looks.host import look_at_host
from vaiven.edge.doctor.looks.sqlite import look_at_sqlite
from vaiven.edge.doctor.looks.store import look_at_store
from vaiven.edge.doctor.looks.street import look_at_street
from vaiven.edge.settings import Where
from vaiven.edge.store_settings import SHARED, public
from vaiven.model.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Visit:
    """Everything found. ``head`` names the bot, its store (without a password) and its profile."""

    head: Mapping[str, str]
    findings: tuple[Finding, ...]


async def visit(bot: Path, overrides: Mapping[str, Any], environ: Mapping[str, str]) -> Visit:
    """Look at a bot, its machine, its store and its street. Nothing is changed.

    Raises:
        SettingsError: its file is not there, or cannot be read.
    """
    read = looks_settings.read(bot, overrides, environ)
    scheme, profile = read.facts.scheme, read.facts.profile
    connections = sum(channel.pacing.connections for channel in read.settings.channels) if read.settings else 0
    host = look_at_host(connections, redis=scheme in SHARED)
    street, store, servers = await asyncio.gather(_street(read), _store(read.place), _servers(read.place.store, profile))
    head = {"bot": read.place.bot or str(bot), "store": public(read.place.store), "profile": profile}
    findings = chain(check_settings(read.facts), check_host(host), servers, store, street)
    return Visit(head, tuple(findings))


async def _street(read: looks_settings.Read) -> Iterable[Finding]:
    if read.settings is None:
        return [warn(Code.PUBLIC_URL, "not looked at: the settings come first", "Set them right, and ask again.")]
    return check_street(await look_at_street(read.settings))


async def _store(place: Where) -> Iterable[Finding]:
    if not place.store:
        return [warn(Code.STORE, "not looked at: which one it is cannot be read", "Set the settings right, and ask again.")]
    return [] if place.store.startswith("memory:") else check_store(await look_at_store(place))


async def _servers(url: str, profile: str) -> Iterable[Finding]:
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return check_sqlite(await asyncio.to_thread(look_at_sqlite, Path(unquote(rest[1:]))))
    if scheme not in SHARED:
        return []
    try:
        from vaiven.edge.doctor.looks.redis import look_at_redis
    except ImportError:
        return [fail(Code.REDIS_REACH, "the package redis is not installed", 'pip install "vaiven[redis]"')]
    try:
        facts = await look_at_redis(url)
    except SettingsError as error:
        return [fail(Code.REDIS_REACH, str(error), "Write the store's URL as docs/run.md tells.")]
    return chain(check_redis(facts, profile), check_cluster(facts, profile))
