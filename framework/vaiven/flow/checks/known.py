"""What surrounds the flows of a bot, as far as somebody knows it: its Python, its people, its channels."""

from collections.abc import Mapping
from dataclasses import dataclass

from vaiven.model.messages import Capabilities

_WITHOUT_SMS_WORDS = frozenset({"whatsapp", "messenger", "telegram", "web"})
_TITLES = 20
"""Characters that a button's title may have where the channel is not known: the least of those that have buttons."""


@dataclass(frozen=True, slots=True)
class Takes:
    """What an action is given by ``with``: what it needs, and all that it takes; None: anything."""

    required: frozenset[str]
    names: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Known:
    """Names that a flow may use and that stand elsewhere. None: not known, so nothing is said about it.

    ``actions`` are those that the bot's Python registers, ``parsers`` its own answer types; ``resources`` map a name to the words
    that it can be told, None for any. ``queues`` are queues of people, ``hours`` the opening hours of bot.yaml. ``channels`` are
    the bot's by name, with what each can show.
    """

    actions: Mapping[str, Takes] | None = None
    parsers: frozenset[str] | None = None
    resources: Mapping[str, frozenset[str] | None] | None = None
    queues: frozenset[str] | None = None
    hours: frozenset[str] | None = None
    channels: Mapping[str, Capabilities] | None = None

    def takes_sms_words(self, channels: tuple[str, ...]) -> bool:
        """Whether a flow on these channels (none: on all) can be on one where CANCEL, END and QUIT are legal words."""
        if self.channels:
            return any(self.channels[name].sms_words for name in self._served(channels))
        return not channels or not _WITHOUT_SMS_WORDS.issuperset(channels)

    def is_billed_by_segments(self, channels: tuple[str, ...]) -> bool:
        if self.channels:
            return any(self.channels[name].sms for name in self._served(channels))
        return not channels or not _WITHOUT_SMS_WORDS.issuperset(channels)

    def text_limit(self, channels: tuple[str, ...], otherwise: int) -> int:
        """Characters that one part may have on all of them."""
        if not self.channels:
            return otherwise
        return min((self.channels[name].text_limit for name in self._served(channels)), default=otherwise)

    def titles(self, channels: tuple[str, ...], count: int) -> tuple[tuple[str, int], ...]:
        """Channels that can show so many choices as something to tap, and how many characters of a label each shows."""
        if not self.channels:
            served = [name for name in channels if name in ("whatsapp", "messenger")] or ([] if channels else ["buttons"])
            return tuple((name, _TITLES) for name in served)
        found = []
        for name in self._served(channels):
            shows = self.channels[name]
            limits = (
                (shows.buttons, shows.button_title),
                (shows.quick_replies, shows.quick_reply_title),
                (shows.list_rows, shows.list_title),
            )
            longest = max((title for most, title in limits if count <= most), default=0)
            if longest:
                found.append((name, longest))
        return tuple(found)

    def _served(self, channels: tuple[str, ...]) -> list[str]:
        known = self.channels or {}
        return [name for name in (channels or tuple(known)) if name in known]


NOTHING = Known()
"""Of the bot nothing is known but its flows."""
