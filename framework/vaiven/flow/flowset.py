"""A bot's compiled flows: the current document of each, and every shape that an open session may still stand in."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vaiven.flow.bot_words import words_of
from vaiven.flow.compile import compile_flow
from vaiven.flow.document import Command, FlowDocument
from vaiven.flow.flow import Entry, Flow
from vaiven.flow.folding import fold
from vaiven.flow.moving import moved
from vaiven.flow.spec import BotSpec
from vaiven.flow.taking import Parser
from vaiven.flow.templates import Locale
from vaiven.flow.texts import Saying, saying
from vaiven.flow.triggers import START
from vaiven.model.errors import SettingsError
from vaiven.model.messages import MessageClass
from vaiven.model.sessions import Frame

Way = tuple[Flow, Entry]
Recogniser = Callable[[str, str], str | None]
"""The intent of a text in a language, None if it has none that is known. Pure."""


@dataclass(frozen=True, slots=True)
class BotCommand:
    """A command of the bot: it starts ``flow`` at ``entry``, or says something."""

    entry: Entry
    flow: Flow | None
    said: Saying | None

    @classmethod
    def of(cls, command: Command, flows: Mapping[str, Flow]) -> "BotCommand":
        name = command.go or command.run
        flow = flows[name] if name is not None else None
        return cls(Entry("command", START), flow, saying(command.say, MessageClass.REPLY))


@lru_cache(maxsize=1024)
def _locale(lang: str, zone: str, gsm: bool) -> Locale:
    return Locale(lang, zone, gsm)


class FlowSet:
    """Made by ``build``, at load, once. ``flows`` are the current ones by name; ``shapes`` all runnable ones by shape hash,
    to which ``learn`` adds those that open sessions turn out to stand in. ``moving`` are the names of those that move people to
    their current version. ``asks`` are the keys of ``Facts.known`` that any flow can ask for. ``schedules`` are the starts that
    flows make by themselves. ``words`` are the bot's by language, ``languages`` the folded words by which people choose one.
    """

    def __init__(
        self,
        spec: BotSpec,
        flows: Mapping[str, Flow],
        shapes: dict[str, Flow],
        parsers: Mapping[str, Parser] | None = None,
        recogniser: Recogniser | None = None,
    ) -> None:
        self.spec = spec
        self.parsers = parsers or {}
        self.recogniser = recogniser
        self.flows = flows
        self.shapes = shapes
        self.error_flow = flows.get(spec.error_flow) if spec.error_flow is not None else None
        self.locale = _locale
        self.words = words_of(spec, {lang for flow in flows.values() for lang in (flow.lang, *flow.document.translations)})
        self.languages = {fold(word): lang for lang, words in spec.languages.items() for word in words}
        self._commands = {
            fold(word): BotCommand.of(command, flows) for command in reversed(spec.commands) for word in command.words
        }
        self._keywords = _by_first_word(flows.values())
        self._ways: dict[str, list[Way]] = {}
        for flow in flows.values():
            for entry in flow.entries:
                self._ways.setdefault(entry.kind, []).append((flow, entry))
        self._answering = self._ways.get("answer", [])
        self.schedules: Sequence[Way] = self._ways.get("schedule", ())
        self.moving = frozenset(name for name, flow in flows.items() if flow.document.migrate)
        self.asks = frozenset(key for flow in shapes.values() for key in flow.asked)

    @classmethod
    def build(
        cls,
        spec: BotSpec,
        documents: Sequence[FlowDocument],
        older: Sequence[FlowDocument] = (),
        parsers: Mapping[str, Parser] | None = None,
        recogniser: Recogniser | None = None,
    ) -> "FlowSet":
        """Compile a bot's flows. ``older`` are documents published before, oldest first: sessions begun in their shapes go on.

        A shape's words come from the newest document that has it. ``parsers`` are the bot's own, for answers of type ``custom``;
        without a ``recogniser`` nothing starts by intent.

        Raises:
            SettingsError: a flow needs a param that the bot lacks, two flows bear one name, or ``error_flow`` or a command names
                none of them.
        """
        flows: dict[str, Flow] = {}
        problems: list[str] = []
        for document in documents:
            if document.name in flows:
                problems.append(f"two flows are named {document.name}: {flows[document.name].document.file} and {document.file}")
            try:
                flows[document.name] = compile_flow(document, spec, parsers)
            except SettingsError as error:
                problems.extend(error.problems)
        if spec.error_flow is not None and spec.error_flow not in {document.name for document in documents}:
            problems.append(f"errors.flow: no flow is named {spec.error_flow}")
        for command in spec.commands:
            for key, name in (("go", command.go), ("run", command.run)):
                if name is not None and name not in {document.name for document in documents}:
                    problems.append(f"commands.{command.name}.{key}: no flow is named {name}")
        past: dict[str, Flow] = {}
        for document in older:
            try:
                flow = compile_flow(document, spec, parsers)
            except SettingsError as error:
                problems.extend(f"version {document.version}, in which people may still stand: {line}" for line in error.problems)
            else:
                past[flow.shape] = flow
        if problems:
            raise SettingsError(problems)
        return cls(spec, flows, past | {flow.shape: flow for flow in flows.values()}, parsers, recogniser)

    def learn(self, document: FlowDocument) -> None:
        """Keep a document of an older shape runnable, for sessions that stand in it.

        Raises:
            SettingsError: it needs a param that the bot has no more.
        """
        flow = compile_flow(document, self.spec, self.parsers)
        self.shapes.setdefault(flow.shape, flow)
        self.asks |= flow.asked

    def renewed(self, documents: Sequence[FlowDocument]) -> "FlowSet":
        """The same bot with these as the current versions of their flows. Sessions begun in earlier shapes go on.

        Raises:
            SettingsError: as ``build``.
        """
        current = {name: flow.document for name, flow in self.flows.items()} | {each.name: each for each in documents}
        new = FlowSet.build(self.spec, list(current.values()), (), self.parsers, self.recogniser)
        return FlowSet(self.spec, new.flows, self.shapes | new.shapes, self.parsers, self.recogniser)

    def moved(self, frame: Frame) -> Frame | None:
        """The frame in the current version of its flow, where that moves people; None: it stays in its own."""
        current = self.flows.get(frame.flow)
        if current is None or frame.flow not in self.moving or frame.shape == current.shape:
            return None
        return moved(frame, current, self.shapes.get(frame.shape))

    def flow_versions(self) -> tuple[tuple[str, str, str, str], ...]:
        """Name, document hash, shape hash and source of each current flow, for ``Store.publish``."""
        return tuple((flow.name, flow.hash, flow.shape, flow.document.source) for flow in self.flows.values())

    def way(self, kind: str, word: str, channel: str) -> Way | None:
        """The start of this kind that this payload, referral, event or intent names."""
        for flow, entry in self._ways.get(kind, ()):
            if word in entry.words and flow.takes(channel):
                return flow, entry
        return None

    def called(self, name: str, channel: str) -> Way | None:
        """The ``api`` start of the flow of that name."""
        for flow, entry in self._ways.get("api", ()):
            if flow.name == name and flow.takes(channel):
                return flow, entry
        return None

    def keyword(self, words: list[str], channel: str) -> tuple[Flow, Entry, str] | None:
        """The start whose keyword these folded words begin with, and the words after it."""
        for flow in self._keywords.get(words[0], ()) if words else ():
            found = flow.keyword(words) if flow.takes(channel) else None
            if found is not None:
                return flow, *found
        return None

    def command(self, folded: str, channel: str) -> "BotCommand | None":
        """The bot's own command of these folded words; none where its flow is not for this channel."""
        command = self._commands.get(folded)
        return None if command is None or (command.flow is not None and not command.flow.takes(channel)) else command

    def answering(self, channel: str) -> Iterator[tuple[Flow, Entry]]:
        """Starts that an exact answer to a step makes."""
        return ((flow, entry) for flow, entry in self._answering if flow.takes(channel))

    def fallback(self, channel: str) -> Way | None:
        return next(((flow, entry) for flow, entry in self._ways.get("fallback", ()) if flow.takes(channel)), None)


def _by_first_word(flows: Iterable[Flow]) -> dict[str, tuple[Flow, ...]]:
    found: dict[str, tuple[Flow, ...]] = {}
    for flow in flows:
        firsts = {word.partition(" ")[0] for entry in flow.entries if entry.kind == "keyword" for word in entry.words}
        for first in firsts:
            found[first] = (*found.get(first, ()), flow)
    return found
