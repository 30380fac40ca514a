"""Where the servers are and how to greet them, read from a URL."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from vaiven.model.errors import SettingsError
from vaiven.stores.registry import public

PORT = 6379
MOST_REPLICAS = 9
_SCHEMES = {"redis": (False, False), "rediss": (True, False), "redis+cluster": (False, True), "rediss+cluster": (True, True)}
TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"})
_OPTIONS = TLS_OPTIONS | {"replicas"}
_FORM = "redis://[user:password@]host[:port][/db], redis+cluster://host:port[,host:port…], rediss:// for TLS, redis+unix:///path"


@dataclass(frozen=True, slots=True)
class Address:
    """One server: a host and a port, or the path of a Unix socket."""

    host: str
    port: int = PORT
    path: str = ""

    def __str__(self) -> str:
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says. ``seeds`` has one address, or any nodes of the cluster.

    ``replicas``: whose disks a write needs besides the primary's under ``redis-strict``; None: not said.
    """

    seeds: tuple[Address, ...]
    cluster: bool = False
    db: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    replicas: int | None = None

    @property
    def name(self) -> str:
        """How errors and logs name it: without user and password."""
        return ",".join(map(str, self.seeds))


def read_url(url: str) -> Place:
    """What a store URL says: ``redis://``, ``rediss://``, ``redis+unix://``, ``redis+cluster://``, ``rediss+cluster://``.

    Options after ``?``: ``replicas``, how many a write waits for under ``redis-strict``; and those of redis-py: ``ssl_ca_certs``,
    ``ssl_certfile``, ``ssl_keyfile`` (paths) and ``ssl_check_hostname`` (``false`` where the certificate bears another name).

    Raises:
        SettingsError: it cannot be read so; its text never holds the password.
    """
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    options = dict(parse_qsl(parts.query))
    try:
        replicas = int(options["replicas"]) if "replicas" in options else None
        if replicas is not None and not 0 <= replicas <= MOST_REPLICAS:
            raise ValueError
        if parts.scheme == "redis+unix":
            seeds: tuple[Address, ...] = (Address("", path=unquote(parts.path)),)
            db = int(options.get("db", 0))
            return Place(seeds, db=db, user=unquote(user), password=unquote(password), replicas=replicas)
        tls, cluster = _SCHEMES[parts.scheme]
        if not set(options) <= _OPTIONS:
            raise ValueError
        seeds = tuple(_address(one) for one in hosts.split(","))
        db = int(parts.path.strip("/") or 0)
        if (cluster and db) or (not cluster and len(seeds) != 1) or db < 0:
            raise ValueError
    except (KeyError, ValueError):
        raise SettingsError(
            [f"store: {public(url)!r} cannot be read. Write {_FORM}. Options: {', '.join(sorted(_OPTIONS))}."]
        ) from None
    return Place(seeds, cluster, db, unquote(user), unquote(password), _context(options) if tls else None, replicas)


def _address(text: str) -> Address:
    parts = urlsplit(f"//{text}")
    return Address(parts.hostname or "127.0.0.1", parts.port or PORT)


def _context(options: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if options.get("ssl_certfile"):
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    except OSError as error:
        raise SettingsError([f"store: a certificate in the URL cannot be loaded: {error}"]) from error
    context.check_hostname = options.get("ssl_check_hostname", "true").lower() not in {"false", "no", "0"}
    return context
