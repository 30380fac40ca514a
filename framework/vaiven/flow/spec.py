"""What the flows are told about the bot that runs them and the channel that an event came by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.flow.document import Command
from vaiven.model.messages import Capabilities


@dataclass(frozen=True, slots=True)
class Words:
    """The bot's own texts: answers to HELP, STOP and START, and what a flow cannot say for itself.

    ``error``: an expression failed. ``stale``: a button of an earlier question was tapped. ``which``: an answer fits several
    choices, which follow. ``unread``: a photo or a place where a text was asked for. ``choose`` opens a list of choices.
    ``busy``: a call is under way, and no more messages can be held for it. ``resumed``, if any, stands before a question that
    is asked again because another flow came between. ``switched``: the language was changed where no question waits.
    """

    help: str = "Text HELP for help, STOP to unsubscribe."
    stopped: str = "You are unsubscribed. Text START to return."
    started: str = "Welcome back."
    error: str = "Something went wrong here. Please try again in a minute."
    stale: str = "That button belongs to an earlier question."
    which: str = "Which one do you mean?"
    unread: str = "Sorry, I can only read text here."
    choose: str = "Choose"
    busy: str = "One moment, please."
    resumed: str = ""
    switched: str = "We speak English now."


@dataclass(frozen=True, slots=True)
class BotSpec:
    """What of ``bot.yaml`` the flows can see. ``params`` win over those of the flows, ``commands`` come after theirs.

    ``error_flow``: where people go when a flow fails or gives up on an answer; None: they get ``words.error``.
    ``words_by_lang`` are texts of the bot in other languages than ``lang``, by the fields of ``Words``; ``languages`` are what
    people write to be spoken to in a language.
    """

    name: str
    lang: str = "en"
    zone: str = "UTC"
    country: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    words: Words = Words()
    error_flow: str | None = None
    commands: tuple[Command, ...] = ()
    words_by_lang: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    languages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the runtime reads beforehand: what the event's channel can show, and who we are on it.

    ``stop_reply`` is ``ours`` or ``provider`` (the provider itself confirms a STOP, so we stay silent). ``known`` are numbers
    by key: ``open:<hours>`` is 1 while these hours are open, else 0; ``queue:<name>`` how many wait there; ``place:<name>`` the
    contact's own place in it, from 1, absent when they are not in it.
    """

    capabilities: Capabilities
    sender: str
    stop_reply: str = "ours"
    known: Mapping[str, int] = field(default_factory=dict)
