"""What the doctor looks at, as values. None stands for what could not be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaiven.stores.contract import Counts, Held


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that settings name, and the settings that do."""

    name: str
    settings: tuple[str, ...]
    is_set: bool


@dataclass(frozen=True, slots=True)
class SettingsFacts:
    """``problems`` are lines that show no secret; ``flow_errors`` and ``flow_warnings`` are lines of ``vaiven check``."""

    scheme: str
    profile: str
    variables: tuple[Variable, ...] = ()
    problems: tuple[str, ...] = ()
    flows: int = 0
    flow_errors: tuple[str, ...] = ()
    flow_warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostFacts:
    """``modules``: version by name, None if it is not installed. ``connections``: calls that the channels may have under way."""

    python: str
    modules: Mapping[str, str | None]
    open_files: int | None
    connections: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What an HTTP request came to: a status with its body's beginning, or why there is none."""

    status: int | None = None
    body: bytes = b""
    seconds: float = 0.0
    error: str = ""
    certificate_s: float | None = None
    """How long the certificate is still good."""


@dataclass(frozen=True, slots=True)
class DoorFacts:
    """One channel's webhook, asked from outside: a POST without a signature, and the handshake where there is one.

    ``challenge`` is the word that the handshake must give back.
    """

    name: str
    type: str
    url: str
    unsigned: Answered
    handshake: Answered | None = None
    challenge: str = ""


@dataclass(frozen=True, slots=True)
class StreetFacts:
    """The public address. ``metrics``: what it answers at /metrics, which is nobody's business out there."""

    public_url: str
    doors: tuple[DoorFacts, ...] = ()
    metrics: Answered | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    """Rows of a channel that wait for another try, by reason."""

    channel: str
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the store's own promises tell. ``error``: it could not be opened, or did not answer; ``is_new``: nothing is in it yet.

    ``offset_ms``: how far its clock is before ours, known to ``unsure_ms``. ``held`` is None where only the serving process
    knows its leases (embedded stores). ``oldest_row_ms``: when the row that has waited longest was made.
    """

    now_ms: int
    error: str = ""
    is_new: bool = False
    partitions: int = 0
    offset_ms: int = 0
    unsure_ms: int = 0
    counts: Counts | None = None
    held: tuple[Held, ...] | None = None
    failing: tuple[Failing, ...] = ()
    oldest_row_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SqliteFacts:
    """The file. ``filesystem`` is its type's name as the system tells it.

    ``check``: what ``quick_check`` said, None if it had no time. ``served_by``: the process that holds the lock, 0 for none;
    None where the system cannot tell.
    """

    path: str
    exists: bool
    is_writable: bool
    folder_is_writable: bool
    size_bytes: int = 0
    free_bytes: int = 0
    filesystem: str = ""
    journal: str = ""
    check: str | None = None
    served_by: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One Redis or Valkey server. ``info`` and ``config`` None: not allowed to look. ``ping_s``: the median of a few."""

    name: str
    error: str = ""
    info: Mapping[str, Any] | None = None
    config: Mapping[str, str] | None = None
    ping_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Node:
    """A line of ``CLUSTER NODES``."""

    id: str
    name: str
    flags: frozenset[str]
    primary: str
    is_linked: bool
    slots: int
    is_moving: bool


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """The servers that a store URL leads to. ``cluster`` is ``CLUSTER INFO``, None if it is none or may not be looked at.

    ``replicas``: the replicas of a single server, where its own word says they are; those of a cluster are among ``servers``.
    ``wants_replicas``: for how many a write waits under ``redis-strict``.
    """

    wants_cluster: bool
    has_password: bool
    is_local: bool
    servers: tuple[ServerFacts, ...]
    replicas: tuple[ServerFacts, ...] = ()
    wants_replicas: int = 1
    cluster: Mapping[str, str] | None = None
    nodes: tuple[Node, ...] = field(default=())
