"""The map of all keys: what there is of a bot in Redis, who writes it, what bounds it, when it goes.

Every key begins with the bot's name. What belongs to a partition bears its number as hash tag, ``<bot>:{17}:…``, so that on a
cluster all of it lies in one slot and one script commits a turn. Nothing is trimmed that is not done; ``prune`` is the retention.
"""

import re
from typing import NamedTuple


class Key(NamedTuple):
    """One kind of key. ``name`` without the bot's name and tag; ``…`` stands for what differs."""

    name: str
    type: str
    what: str
    written: str
    bound: str
    goes: str


PARTITION = (
    Key(
        "own",
        "string",
        "epochs of the leases, marks; rows that usual turns dialed",
        "lease, accept …",
        "31 bytes, 24 a row dialed",
        "stays",
    ),
    Key("lease", "hash", "owner and end of each lease; the server's run; numbers skipped", "lease, reign", "6 fields", "stays"),
    Key("in", "stream", "events that wait, 0-number → event", "accept, arrive, due, settle …", "what waits", "entry: commit"),
    Key("takes", "hash", "events taken, not handled: how often, under which epoch", "take", "what waits", "commit, release"),
    Key("c:…", "string", "a contact: version, control, newest turn and row, then its state", "commit", "contacts", "stays"),
    Key("o:…", "hash", "senders a contact opted out of, and its newest line of the ledger", "commit", "its senders", "stays"),
    Key("ledger", "stream", "the opt-out ledger, each line with the one before of its contact", "commit", "STOPs said", "stays"),
    Key("timers", "hash", "home and key → what the timer says", "commit", "armed timers", "entry: due, commit"),
    Key("due", "zset", "home and key by the instant it falls due", "commit", "armed timers", "entry: due, commit"),
    Key("wait", "hash", "lines of rows queued, to be retried or held", "commit, settle", "what waits", "entry: claim, commit"),
    Key("dial", "hash", "lines of other rows dialed", "commit, claim", "connections of the senders", "entry: settle"),
    Key("lane", "hash", "channel and home → its rows on their way", "commit, claim, settle", "what waits", "entry: settle"),
    Key("q:…", "zset", "waiting rows of a channel by rank", "commit, claim, settle", "what waits", "entry: claim"),
    Key("s:…", "zset", "waiting rows of a channel by the instant they may go", "commit, settle", "what waits", "entry: claim"),
    Key("waits", "hash", "waiting rows counted by state and class", "commit, claim, settle", "states × classes", "stays"),
    Key("unknown", "zset", "rows whose outcome nobody knows, by age", "settle, commit", "unknowns kept", "entry: receipt, prune"),
    Key(
        "h:…",
        "hash",
        "64 turns: records, what rows were made with, lines of final ones",
        "commit, settle, claim",
        "64 turns",
        "prune",
    ),
    Key("late", "zset", "rows that became final behind the sweep, by age", "settle, prune", "old rows", "entry: prune"),
    Key("kept", "hash", "home → links of its chains that a prune would have lost", "prune", "old rows", "entry: prune"),
    Key("p:…", "string", "a receipt that came before its row's send was known", "commit", "7 days", "settle, or by itself"),
    Key("tally:…", "hash", "a poll's votes by option and outcome", "commit", "options × outcomes", "stays"),
    Key("polls", "set", "polls that have votes here", "commit", "polls", "stays"),
    Key("dead", "zset", "numbers of events set aside, by instant", "commit", "dead letters", "entry: revive, drop"),
    Key("letters", "hash", "events set aside, with the reason", "commit", "dead letters", "entry: revive, drop"),
    Key("-", "none", "never there: scripts name it, so that none runs while its slot moves (0021)", "nobody", "nothing", "never"),
)

ALONE = (
    Key("meta", "hash", "schema version and number of partitions", "open", "2 fields", "stays"),
    Key("alias:…", "string", "an address → its home", "identify", "addresses of contacts", "stays"),
    Key("attend:…", "zset", "who works in a role, by when that ends", "attend", "processes", "attend, release"),
    Key("rate:…", "hash", "tokens of a sender's bucket", "draw", "senders", "by itself, when full for a minute"),
    Key("{flows}:versions", "hash", "hash → version of a flow", "publish", "versions published", "stays"),
    Key("{flows}:current", "hash", "flow → its current version's hash", "publish", "flows", "stays"),
    Key("{flows}:shapes", "hash", "shape → hashes that have it, oldest first", "publish", "versions published", "stays"),
)

CHANNELS = ("wake:turn", "wake:send")
"""Pub/sub: ``<origin> <partition> <partition> …``, where something new lies."""


class _Prefixes(dict[int, str]):
    """How the keys of each partition begin."""

    def __init__(self, bot: str) -> None:
        self._bot = bot

    def __missing__(self, partition: int) -> str:
        self[partition] = prefix = f"{self._bot}:{{{partition}}}:"
        return prefix


class Keys:
    """The keys of one bot."""

    def __init__(self, bot: str) -> None:
        name = bot.encode()
        self.base = name + b":{"
        self.meta = name + b":meta"
        self.versions, self.current, self.shapes = (name + b":{flows}:" + kind for kind in (b"versions", b"current", b"shapes"))
        self.prefixes = _Prefixes(bot)
        self._name = name

    def of(self, partition: int, name: str | bytes) -> bytes:
        """A key of a partition."""
        return b"%b%d}:%b" % (self.base, partition, name.encode() if isinstance(name, str) else name)

    def alone(self, kind: str, name: str) -> bytes:
        """An ``alias``, ``attend`` or ``rate`` key, or a ``wake`` channel."""
        return b"%b:%b:%b" % (self._name, kind.encode(), name.encode())

    @property
    def everybody(self) -> bytes:
        """A pattern that every contact's key fits, of every partition."""
        return re.sub(rb"([*?\[\]\\])", rb"\\\1", self._name) + b":{*}:c:*"

    @staticmethod
    def home_in(key: bytes) -> str:
        """The home in a contact's key."""
        return key.split(b"}:c:", 1)[1].decode()

    def guarded(self, partition: int) -> tuple[bytes, bytes]:
        """The two keys that a script on a cluster declares: one that is there, and one that never is."""
        return self.of(partition, b"own"), self.of(partition, b"-")


def known(key: bytes, bot: str) -> str | None:
    """The name in the map of this key of this bot; None if the map has no such key."""
    name = key.decode(errors="replace")
    if not name.startswith(f"{bot}:"):
        return None
    rest = name[len(bot) + 1 :]
    inner = re.fullmatch(r"\{\d+\}:(.*)", rest, re.DOTALL)
    kinds, rest = (PARTITION, inner[1]) if inner else (ALONE, rest)
    for kind in kinds:
        fixed, differs, _ = kind.name.partition("…")
        if (rest.startswith(fixed) and rest != fixed) if differs else rest == fixed:
            return kind.name
    return None
