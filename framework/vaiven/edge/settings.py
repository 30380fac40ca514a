"""What a bot is set to: ``bot.yaml``, what is given over it, and the environment for its secrets. Read whole or not at all."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vaiven.edge.channel_settings import ChannelSettings, read_channels
from vaiven.edge.command_settings import read_commands
from vaiven.edge.event_settings import read_events
from vaiven.edge.hours_settings import read_hours
from vaiven.edge.language_settings import BotWords, read_languages, read_words
from vaiven.edge.param_settings import check_params
from vaiven.edge.paths import BOT_FILE, FLOWS
from vaiven.edge.places import UNKNOWN, Layer, Place, Reader, given
from vaiven.edge.reach import Reach
from vaiven.edge.reply_settings import CannedReply, read_replies
from vaiven.edge.store_settings import profile, read_profile, read_store
from vaiven.flow.bot_words import built_in
from vaiven.flow.document import Command
from vaiven.flow.problems import Problem, in_file_order, suggest
from vaiven.flow.source import Source, scan
from vaiven.flow.spec import BotSpec
from vaiven.model.errors import SettingsError
from vaiven.runtime.happenings import Hook
from vaiven.runtime.hours import Hours
from vaiven.runtime.resources import About

_LOCAL = ("localhost", "127.0.0.1", "::1")

_BOT = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_PARAM = re.compile(r"[a-z][a-z0-9_]*\Z")
_LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_REQUIRED = {"bot": "bot: my-bot", "flows": "flows: ../../flows/my_bot", "channels": "channels: {phone: {type: simulator}}"}
_LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class BotSettings:
    """One bot, every value resolved and proven.

    ``flows`` is the absolute folder of its flow files, ``file`` where this was read. ``public_url`` has no slash at its end; it
    is empty where no provider needs to reach us. ``words`` are fields of ``Words``. ``call_hosts`` is as written.
    ``retention_days`` None: nothing is too old to be kept.
    """

    bot: str
    file: Path
    flows: Path
    store: str
    profile: str
    public_url: str
    channels: tuple[ChannelSettings, ...]
    lang: str = "en"
    zone: str = "UTC"
    country: str | None = None
    retention_days: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    words: Mapping[str, str] = field(default_factory=dict)
    error_flow: str | None = None
    hours: Mapping[str, Hours] = field(default_factory=dict)
    call_hosts: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    words_by_lang: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    languages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    replies: Mapping[str, CannedReply] = field(default_factory=dict)
    events: Mapping[str, Hook] = field(default_factory=dict)

    @property
    def spec(self) -> BotSpec:
        """What of it the flows can see."""
        return BotSpec(
            name=self.bot,
            lang=self.lang,
            zone=self.zone,
            country=self.country,
            params=self.params,
            words=replace(built_in(self.lang), **self.words),
            error_flow=self.error_flow,
            commands=self.commands,
            words_by_lang=self.words_by_lang,
            languages=self.languages,
        )


def load_settings(
    path: Path | str, overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> BotSettings:
    """Read a bot's settings. ``path`` is its folder or its ``bot.yaml``; ``overrides`` are merged over the file, key by key, as
    ``{"store": "memory://", "channels": {"sms": {"api": "http://127.0.0.1:9"}, "phone": None}}`` (None takes a channel away).

    Raises:
        SettingsError: something is missing or wrong; ``problems`` has every one, with its place and what would be right.
    """
    settings, problems = read_settings(path, overrides, environ or {})
    if settings is None or problems:
        raise SettingsError([str(problem) for problem in problems])
    return settings


def read_settings(
    path: Path | str, overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[BotSettings | None, list[Problem]]:
    """The settings, if there are no problems, and every problem in file order.

    With ``environ`` None the environment is not looked at: what comes from there is taken to be right, as ``check`` does.
    """
    file = bot_file(path)
    source, problems = _scan(file)
    over, wrong = given(overrides or {})
    problems = [*problems, *wrong]
    if source is None or problems:
        return None, problems
    reader = Reader(environ)
    settings = _read(reader, source, over, file)
    found = in_file_order(reader.told())
    return (None if found else settings), found


class Where(NamedTuple):
    """What a command needs to know of a bot that only looks at its store."""

    store: str
    bot: str
    profile: str


def where(path: Path | str, environ: Mapping[str, str], store: str | None = None) -> Where:
    """The store of a bot, without looking at its other settings, such as secrets that only serving needs.

    ``store`` is given over the file, of which only the bot's name counts then; without a file there is none.

    Raises:
        SettingsError: the file cannot be read, or its store is wrong.
    """
    file = bot_file(path)
    if store is not None and not file.exists():
        return _given(store, environ)
    source, problems = _scan(file)
    over, _ = given({} if store is None else {"store": store})
    reader, found = Reader(environ), Where("", "", "")
    if source is not None and not problems:
        places = Place("", (Layer(source, None, source.root),) + ((Layer(over, None, over.root),) if over else ())).children()
        read = {key: _READERS[key](reader, places[key]) for key in ("bot", "store", "profile") if key in places}
        url = read.get("store") or f"sqlite:///{read.get('bot')}.db"
        found = Where(url, read.get("bot") or "", profile(reader, places, url, read.get("profile")))
        problems = reader.told()
    if problems:
        raise SettingsError([str(problem) for problem in problems])
    return found


def _given(store: str, environ: Mapping[str, str]) -> Where:
    source, _ = given({"store": store})
    reader = Reader(environ)
    if source is not None:
        places = Place("", (Layer(source, None, source.root),)).children()
        url = read_store(reader, places["store"])
        if url is not None:
            return Where(url, "", profile(reader, places, url, None))
    raise SettingsError([str(problem) for problem in reader.told()])


def store_url(path: Path | str, environ: Mapping[str, str]) -> str:
    """The store of a bot by its URL, as ``where`` finds it."""
    return where(path, environ).store


def bot_file(path: Path | str) -> Path:
    """The ``bot.yaml`` that this names: itself, or the one in this folder."""
    path = Path(path)
    return path / BOT_FILE if path.is_dir() or path.suffix not in (".yaml", ".yml") else path


def _scan(file: Path) -> tuple[Source | None, list[Problem]]:
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        return None, [_unreadable(file, error)]
    return scan(text, str(file))


def _unreadable(file: Path, error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError):
        beside = sorted(str(each.parent) for each in Path().glob(f"bots/*/{BOT_FILE}"))
        return Problem("no-bot", str(file), 0, 0, "there is no such file", f"Bots here: {', '.join(beside)}." if beside else "")
    reason = (
        "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or type(error).__name__
    )
    return Problem("no-bot", str(file), 0, 0, f"the file cannot be read: {reason}")


def _read(reader: Reader, source: Source, over: Source | None, file: Path) -> BotSettings | None:
    layers = [Layer(source, None, source.root)] + ([Layer(over, None, over.root)] if over else [])
    root = Place("", tuple(layers))
    places = reader.children(root, _KNOWN)
    if not places:
        return None
    for key, example in _REQUIRED.items():
        if key not in places:
            reader.missing(root, key, f"For example: {example}")
    read = {key: _READERS[key](reader, place) for key, place in places.items() if key in _READERS}
    _check_params(reader, root, places, read, file)
    store = read.get("store") or f"sqlite:///{read.get('bot')}.db"
    error_text, error_flow = read.get("errors") or (None, None)
    words = read.get("words") or BotWords({}, {})
    return BotSettings(
        bot=read.get("bot") or "",
        file=file,
        flows=_flows(reader, places["flows"], file, read["flows"]) if read.get("flows") else Path(),
        store=store,
        profile=profile(reader, places, store, read.get("profile")),
        public_url=read.get("public_url") or "",
        channels=_channels(reader, root, places, read),
        lang=read.get("lang") or "en",
        zone=read.get("zone") or "UTC",
        country=read.get("country"),
        retention_days=read.get("retention_days"),
        params=read.get("params") or {},
        words={**words.own, **({"error": error_text} if error_text else {})},
        words_by_lang=words.by_lang,
        languages=read.get("languages") or {},
        error_flow=error_flow,
        hours=read.get("hours") or {},
        call_hosts=read.get("calls") or (),
        replies=read.get("replies") or {},
        events=read_events(reader, places["events"], read.get("calls") or ()) if "events" in places else {},
        commands=read_commands(reader, places["commands"], read.get("params") or {}) if "commands" in places else (),
    )


def _check_params(reader: Reader, root: Place, places: Mapping[str, Place], read: Mapping[str, Any], file: Path) -> None:
    """What the bot's own Python says of them; not while there are no hours or zone to look at, since those are wrong."""
    hours = read.get("hours") or {}
    if read.get("zone", "UTC") is None or ("hours" in places and set(hours) != set(places["hours"].children() or [None])):
        return
    zone = ZoneInfo(read.get("zone", "UTC"))
    check_params(reader, root, file, About(read.get("bot") or "", zone, read.get("params") or {}, hours))


def _channels(reader: Reader, root: Place, places: Mapping[str, Place], read: Mapping[str, Any]) -> tuple[ChannelSettings, ...]:
    """The channels, which get the bot's country and public URL too; a problem with those is told once, not by every channel."""
    if "channels" not in places:
        return ()
    shared = {key: read[key] for key in ("public_url", "country") if read.get(key)}
    unsure = frozenset(key for key in ("public_url", "country") if key in places and key not in shared)
    channels, wanted = read_channels(reader, places["channels"], shared, unsure)
    if "public_url" in wanted:
        reader.missing(root, "public_url", "Providers reach us there, and sign it: public_url: {env: PUBLIC_URL}")
    if "country" in wanted:
        reader.missing(root, "country", "It says how numbers without a country code are read: country: ES")
    return channels


def _matching(pattern: re.Pattern[str], rule: str, example: str) -> Callable[[Reader, Place], str | None]:
    def read(reader: Reader, place: Place) -> str | None:
        value = reader.text(place, example)
        if value is not None and not pattern.match(value):
            reader.say(place, "wrong-setting", f"'{place.name}' must be {rule}", f"For example: {example}")
            return None
        return value

    return read


def _flows(reader: Reader, place: Place, file: Path, written: str) -> Path:
    folder = (file.parent / written).resolve()
    if not folder.is_dir():
        told = f"{reader.shown(place, written)} names no folder" if reader.variables(place) else f"there is no folder {folder}"
        reader.say(place, "no-flows", told, "It is read from the folder of this file on.")
    elif next(folder.glob(FLOWS), None) is None:
        named = f"the folder that {' '.join(reader.variables(place))} names" if reader.variables(place) else str(folder)
        reader.say(place, "no-flows", f"no *.flow.yaml file is in {named}")
    return folder


def _public_url(reader: Reader, place: Place) -> str | None:
    value = reader.text(place, "https://votes.example")
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    good = host and not (parts.query or parts.fragment or parts.username) and value.isascii() and not re.search(r"\s", value)
    if not good or parts.scheme not in ("https", "http"):
        cure = "For example: https://votes.example, without a path for webhooks, which we add."
        reader.say(place, "wrong-url", f"'{place.name}' must be a web address", cure)
        return None
    if parts.scheme == "http" and host not in _LOCAL:
        reader.say(place, "wrong-url", f"'{place.name}' must be https", "Plain http is taken for localhost only.")
        return None
    return value.rstrip("/")


def _retention_days(reader: Reader, place: Place) -> float | None:
    value = reader.value(place)
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)  # the environment has only texts
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST_DAYS:
        return value
    if value is not UNKNOWN and value is not None:
        reader.say(place, "wrong-setting", f"'{place.name}' must be a number of days above 0", "For example: retention_days: 90")
    return None


def _zone(reader: Reader, place: Place) -> str | None:
    value = reader.text(place, "Europe/Madrid")
    if value is None:
        return None
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones

        known = sorted(available_timezones())
        if not known:
            cure = "Install the package tzdata beside vaiven: pip install tzdata"
            reader.say(place, "wrong-zone", "no time zone at all is known on this machine", cure)
            return None
        near = suggest(value, known, "Zones").rpartition("Did you mean ")[2]
        cure = f"Did you mean {near}" if near.startswith("'") else "For example: Europe/Madrid, America/New_York, UTC."
        reader.say(place, "wrong-zone", f"{reader.shown(place, value)} is no time zone", cure)
        return None
    return value


def _params(reader: Reader, place: Place) -> dict[str, Any]:
    found = {}
    for name, child in reader.children(place).items():
        value = reader.value(child)
        if not _PARAM.match(name):
            reader.say(child, "wrong-setting", f"'{name}' is no name for a param", "Write it as max_votes.", at_key=True)
        else:
            found[name] = _known(value)
    return found


def _known(value: Any) -> Any:
    """A value, or a list or a map of them. What could not be read, and has been told, is nothing."""
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_known(each) for each in value]
    return None if value is UNKNOWN else value


def _errors(reader: Reader, place: Place) -> tuple[str | None, str | None]:
    """The text that people get when something breaks, and the flow that takes over."""
    places = reader.children(place, ("flow", "text"))
    flow = places.get("flow")
    named = None if flow is None or reader.value(flow) is None else reader.text(flow, "support")
    return (reader.text(places["text"], '"Please try again."') if "text" in places else None), named


def _calls(reader: Reader, place: Place) -> tuple[str, ...]:
    child = reader.children(place, ("allow",)).get("allow")
    hosts = [] if child is None else reader.value(child)
    if isinstance(hosts, list) and all(isinstance(host, str) and _is_reach(host) for host in hosts):
        return tuple(hosts)
    if child is not None and hosts is not UNKNOWN:
        cure = "For example: [desk.internal, 10.0.0.7:8080, 10.1.0.0/16]"
        reader.say(child, "wrong-setting", f"'{child.name}' must be a list of hosts, addresses or networks", cure)
    return ()


def _is_reach(entry: str) -> bool:
    try:
        Reach([entry])
    except ValueError:
        return False
    return True


_READERS: dict[str, Callable[[Reader, Place], Any]] = {
    "bot": _matching(_BOT, "a name of small letters, digits and -", "tv-vote"),
    "flows": lambda reader, place: reader.text(place, "../../flows/tv_vote"),
    "store": read_store,
    "profile": read_profile,
    "retention_days": _retention_days,
    "public_url": _public_url,
    "lang": _matching(_LANG, "a language code", "en, es-ES"),
    "zone": _zone,
    "country": _matching(_COUNTRY, "a country's two capital letters", "ES"),
    "params": _params,
    "hours": read_hours,
    "words": read_words,
    "languages": read_languages,
    "errors": _errors,
    "calls": _calls,
    "replies": read_replies,
}
"""What reads each setting, in the order in which a file is best written; ``events``, ``commands`` and ``channels`` need
what these read."""
_KNOWN = (*_READERS, "events", "commands", "channels")
