"""When a write counts: ``redis-strict`` asks the server to wait for disks and replicas. Source: https://redis.io/docs/latest/commands/waitaof/"""

from dataclasses import dataclass

from vaiven.model.errors import StoreMismatch
from vaiven.stores.redis.resp import Word, pack

OLDEST = (7, 0)
_WAITAOF_SINCE = (7, 2)

RECEIPT_PART = 4
"""Of the time for replicas' disks, one part in so many is given beforehand for their memory."""


REPLICAS = 1
"""Whose disks a write waits for besides the primary's, unless the URL says how many."""

_CURE = "redis-strict needs replicas that follow and keep an append-only file, or ?replicas=0 in the store's URL"


@dataclass(frozen=True, slots=True)
class Durability:
    """Whose word a write needs: the server's own disk (``local``, 0 or 1) and the disks of ``replicas``, in ``timeout_ms``.

    The server must have ``appendfsync always``, replicas should: with ``everysec`` some versions answer ``WAITAOF`` before the
    file is synced (Redis 7.4 until 2025, and Valkey 9.1 as seen), others once a second. Source: redis pull request 13793.
    Servers before 7.2 lack ``WAITAOF``: replicas answer for their memory only, the own disk by ``appendfsync always``.
    """

    local: int = 1
    replicas: int = REPLICAS
    timeout_ms: int = 1500

    @property
    def longest_s(self) -> float:
        """For how long a batch can be kept waiting."""
        return (self.timeout_ms + self.timeout_ms // RECEIPT_PART) / 1000


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself when a connection begins."""

    version: tuple[int, ...]
    valkey: bool
    cluster: bool
    aof: bool
    run: str = ""
    """What this process of the server is called: another one after each start."""

    @property
    def waitaof(self) -> bool:
        """Whether it has ``WAITAOF``."""
        return self.valkey or self.version >= _WAITAOF_SINCE

    def __str__(self) -> str:
        return f"{'Valkey' if self.valkey else 'Redis'} {'.'.join(map(str, self.version))}"


def facts_of(info: dict[str, str]) -> ServerFacts:
    """The facts in an ``INFO`` that has the sections server, persistence and cluster."""
    valkey = info.get("server_name") == "valkey"
    version = info.get("valkey_version" if valkey else "redis_version", "0")
    return ServerFacts(
        version=tuple(int(part) for part in version.split(".") if part.isdecimal()),
        valkey=valkey,
        cluster=info.get("cluster_enabled") == "1",
        aof=info.get("aof_enabled") == "1",
        run=info.get("run_id", ""),
    )


def read_info(text: bytes) -> dict[str, str]:
    """The lines of an ``INFO`` reply."""
    lines = (line.partition(":") for line in text.decode(errors="replace").splitlines() if ":" in line)
    return {key: value for key, _, value in lines}


class Gate:
    """The commands that end a batch of writes; the answer of the last one says whether enough have acknowledged."""

    __slots__ = ("_needed", "commands", "packed")

    def __init__(self, needed: tuple[int, ...], *commands: tuple[Word, ...]) -> None:
        self.packed, self.commands, self._needed = b"".join(map(pack, commands)), len(commands), needed

    def lack(self, reply: object) -> str | None:
        """What is missing, in words; None if enough have acknowledged."""
        got = tuple(reply) if isinstance(reply, list) else (reply,)
        if len(got) == len(self._needed) and all(have >= need for have, need in zip(got, self._needed, strict=True)):
            return None
        if len(self._needed) == 1:
            return f"acknowledged by {got[0]} of {self._needed[0]} replicas: {_CURE}"
        told = f"acknowledged by {got[0]} of {self._needed[0]} own disks and {got[1]} of {self._needed[1]} replicas' disks"
        return f"{told}: {_CURE}" if got[1] < self._needed[1] else told


def gate_for(wait: Durability, facts: ServerFacts, fsync: str | None) -> Gate | None:
    """The gate that this server needs, or None if its word alone is enough. ``fsync`` is its ``appendfsync``; None: not told.

    Raises:
        StoreMismatch: this server cannot promise it as it is set up.
    """
    if wait.local and not facts.aof:
        raise StoreMismatch("redis-strict needs an append-only file: set appendonly yes on the server")
    if wait.local and fsync not in (None, "always"):
        raise StoreMismatch(f"redis-strict needs appendfsync always on the server ({facts}; it is {fsync}), and on its replicas")
    if not facts.waitaof:
        return Gate((wait.replicas,), ("WAIT", wait.replicas, wait.timeout_ms)) if wait.replicas else None
    waitaof: tuple[Word, ...] = ("WAITAOF", wait.local, wait.replicas, wait.timeout_ms)
    if wait.replicas:
        # A replica answers while the write is on its way to the disk, and by itself again only once a second. By the time that it
        # has answered WAIT its disk has the write, and WAITAOF makes it answer once more: 1 ms instead of 995, measured.
        return Gate((wait.local, wait.replicas), ("WAIT", wait.replicas, wait.timeout_ms // RECEIPT_PART), waitaof)
    return Gate((wait.local, 0), waitaof) if wait.local else None
