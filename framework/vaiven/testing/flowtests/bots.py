"""The bot that a test file is about: its flows, compiled as a server would, and an end of the line for each of its channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from vaiven.channels.simulator import SKINS, Simulator
from vaiven.edge.actions import load_registry
from vaiven.edge.paths import BOT_FILE, FLOWS, bot_of, flow_files, from_here
from vaiven.edge.settings import BotSettings, bot_file, read_settings
from vaiven.edge.surroundings import known_of
from vaiven.flow.checks import NOTHING
from vaiven.flow.document import FlowDocument
from vaiven.flow.flowset import FlowSet
from vaiven.flow.load import load_flows
from vaiven.flow.problems import suggest
from vaiven.flow.scope import zone_of
from vaiven.flow.spec import BotSpec
from vaiven.model.contacts import Contact, ContactState
from vaiven.model.errors import FlowError, SettingsError
from vaiven.model.urns import Urn, scheme_of, urn
from vaiven.runtime.decide import Decider, Line
from vaiven.runtime.facts import FactReader
from vaiven.runtime.people import BUILT_IN
from vaiven.runtime.registry import NOTHING as NO_PYTHON
from vaiven.runtime.registry import Registry
from vaiven.runtime.resources import About, Resources
from vaiven.testing.flowtests.covering import Coverage, Glimpse
from vaiven.testing.flowtests.script import Person, Script
from vaiven.testing.flowtests.stage import Stage

SCHEMES = {"sms": "tel", "whatsapp": "whatsapp", "messenger": "messenger"}
"""Channels that every test may name, whatever the bot has, and how the addresses there begin."""
_TYPES = {"twilio": "tel", "whatsapp-cloud": "whatsapp", "messenger": "messenger"}
_NOBODY = {"tel": "+12025550123", "whatsapp": "447700900123", "messenger": "7001"}


@dataclass(frozen=True, slots=True)
class Bot:
    """What was read of a bot, not compiled yet. ``schemes`` are those of its channels' addresses, by name."""

    spec: BotSpec
    documents: tuple[FlowDocument, ...]
    registry: Registry
    settings: BotSettings | None
    schemes: Mapping[str, str]


@dataclass(slots=True)
class Cast:
    """A compiled bot, for any number of talks."""

    flows: FlowSet
    decider: Decider
    resources: Resources
    lines: Mapping[str, Line]
    schemes: Mapping[str, str]
    glimpse: Glimpse

    def params(self, flow: str) -> Mapping[str, Any]:
        """What ``params`` is in that flow."""
        return self.flows.flows[flow].params if flow in self.flows.flows else self.flows.spec.params

    def stage(self, person: Person, now_ms: int) -> Stage:
        """The person before they have said anything.

        Raises:
            SettingsError: there is no such channel.
        """
        channel = person.channel or next(iter(self.lines))
        line = self.lines.get(channel)
        if line is None:
            raise SettingsError([f"no channel is named '{channel}'. {suggest(channel, self.lines, 'Channels')}"])
        home = _address(person.id, self.schemes[channel])
        contact = Contact(
            home, lang=person.lang, zone=person.zone, name=person.name, vars=dict(person.vars), votes=dict(person.votes)
        )
        return Stage(self.decider, self.resources, self.glimpse, ContactState(contact), line, now_ms)


@dataclass(slots=True)
class Bots:
    """Bots by their folder, each read once; compiled once for each set of params. ``given`` is the bot for all tests."""

    given: Path | None = None
    coverage: Coverage = field(default_factory=Coverage)
    _read: dict[tuple[Path, Path | None], Bot] = field(default_factory=dict)
    _casts: dict[tuple[int, bytes], Cast] = field(default_factory=dict)

    def cast(self, script: Script) -> Cast:
        """The compiled bot of a test file.

        Raises:
            FlowError, SettingsError: every problem of the flows, or of the bot.
        """
        bot = self._bot(script)
        key = (id(bot), msgspec.json.encode(script.params))
        cast = self._casts.get(key)
        if cast is None:
            cast = self._casts[key] = self._compiled(bot, script.params)
        return cast

    def _bot(self, script: Script) -> Bot:
        folder = Path(script.file).parent
        file = bot_file(folder / script.bot) if script.bot else self._file(folder)
        key = (folder.resolve(), None if file is None else file.resolve())
        bot = self._read.get(key if file is None else (Path(), file.resolve()))
        if bot is None:
            bot = self._read[key if file is None else (Path(), file.resolve())] = _read(folder, file)
        return bot

    def _file(self, folder: Path) -> Path | None:
        """The one that was given, else the one beside the test, else that of its folder of flows."""
        if self.given is not None:
            return bot_file(self.given)
        beside = folder / BOT_FILE
        return beside if beside.is_file() else bot_of(folder)

    def _compiled(self, bot: Bot, params: Mapping[str, Any]) -> Cast:
        spec = replace(bot.spec, params={**bot.spec.params, **params})
        flows = FlowSet.build(spec, bot.documents, parsers=bot.registry.parsers)
        self.coverage.watch(flows)
        lines, schemes = _lines(bot)
        hours = bot.settings.hours if bot.settings is not None else {}
        resources = Resources({**bot.registry.resources, **BUILT_IN}, About.of(spec, hours))
        reader = FactReader(flows.asks, hours, zone_of(spec.zone), spec.name)
        return Cast(
            flows, Decider(flows, lines, resources=resources, reader=reader), resources, lines, schemes, self.coverage.glimpse
        )


def _read(folder: Path, file: Path | None) -> Bot:
    settings, registry, around = None, NO_PYTHON, NOTHING
    if file is not None:
        settings, problems = read_settings(file)
        if settings is None:
            raise SettingsError([str(problem) for problem in problems])
        around, problems = known_of(settings)
        if problems:
            raise FlowError(problems)
        registry = load_registry(settings.file)
        folder = from_here(settings.flows)
    params = None if settings is None else settings.params
    texts = [(str(path), path.read_bytes().decode()) for path in flow_files(folder)]
    documents, problems = load_flows(texts, params, around)
    if any(problem.is_error for problem in problems):
        raise FlowError([problem for problem in problems if problem.is_error])
    if not documents:
        raise SettingsError([f"there are no flows ({FLOWS}) in {folder}"])
    schemes = {}
    if settings is not None:
        schemes = {channel.name: _TYPES.get(channel.type, "tel") for channel in settings.channels}
    return Bot(settings.spec if settings is not None else BotSpec("test"), tuple(documents), registry, settings, schemes)


def _lines(bot: Bot) -> tuple[dict[str, Line], dict[str, str]]:
    """The bot's channels as a phone shows them, and one of each kind there is. What they can show is the real channels' own."""
    stop_reply = {} if bot.settings is None else {each.name: each.stop_reply for each in bot.settings.channels}
    schemes = {**bot.schemes, **{name: scheme for name, scheme in SCHEMES.items() if name not in bot.schemes}}
    lines = {name: Line(Simulator(name, {"from": f"bot-{name}"}), stop_reply.get(name, "ours")) for name in schemes}
    return lines, schemes


def _address(written: str, scheme: str) -> Urn:
    """The address of a person, as a URN whatever it was written as."""
    if not written:
        return urn(scheme, _NOBODY[scheme])
    if scheme_of(written) in SKINS and ":" in written:
        return Urn(written)
    if scheme == "whatsapp":
        return urn(scheme, written.removeprefix("+"))
    return urn(scheme, written if scheme != "tel" or written.startswith("+") else f"+{written}")
