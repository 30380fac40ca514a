"""The servers behind a Redis store, asked by INFO, CONFIG GET and CLUSTER. Nothing of the store's own is read here."""

import asyncio
import ipaddress
import os
import time
from collections.abc import Mapping
from statistics import median
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from vaiven.edge.doctor.facts import Node, RedisFacts, ServerFacts
from vaiven.stores.redis.address import TLS_OPTIONS, Address, Place, read_url
from vaiven.stores.redis.durability import REPLICAS

PATIENCE_S = 2.0
PINGS = 5
CONFIG = (
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "min-replicas-to-write",
    "min-replicas-max-lag",
    "stop-writes-on-bgsave-error",
    "cluster-require-full-coverage",
)
_LOCAL = ("localhost", "")


async def look_at_redis(url: str) -> RedisFacts:
    """Every server that this URL leads to: the one it names, or all nodes of its cluster.

    Raises:
        SettingsError: the URL cannot be read.
    """
    place = read_url(url)
    cluster, nodes = await _cluster(place, url) if place.cluster else (None, ())
    addresses = [_address(node.name) for node in nodes if "noaddr" not in node.flags] or list(place.seeds)
    servers = await asyncio.gather(*(_server(address, place, url) for address in addresses))
    followers = [] if place.cluster else [address for server in servers for address in _followers(server)]
    replicas = await asyncio.gather(*(_server(address, place, url) for address in followers))
    return RedisFacts(
        wants_cluster=place.cluster,
        has_password=bool(place.password),
        is_local=all(_is_local(seed.host) for seed in place.seeds),
        servers=tuple(servers),
        replicas=tuple(replicas),
        wants_replicas=REPLICAS if place.replicas is None else place.replicas,
        cluster=cluster,
        nodes=nodes,
    )


def _followers(server: ServerFacts) -> list[Address]:
    """Where a primary says that its replicas are. From here they may bear other addresses."""
    told = (each for key, each in sorted((server.info or {}).items()) if key.startswith("slave") and isinstance(each, Mapping))
    return [Address(str(each["ip"]), int(each["port"])) for each in told if {"ip", "port"} <= each.keys()]


def _client(address: Address, place: Place, url: str) -> Redis:
    options: dict[str, Any] = {
        "username": place.user or None,
        "password": place.password or None,
        "db": place.db,
        "decode_responses": True,
        "socket_timeout": PATIENCE_S,
        "socket_connect_timeout": PATIENCE_S,
        "single_connection_client": True,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
    }
    if address.path:
        return Redis(unix_socket_path=address.path, **options)
    if place.tls is not None:
        told = {key: value for key, value in parse_qsl(urlsplit(url).query) if key in TLS_OPTIONS}
        options |= {"ssl": True, **told, "ssl_check_hostname": place.tls.check_hostname}
    return Redis(host=address.host, port=address.port, **options)


async def _server(address: Address, place: Place, url: str) -> ServerFacts:
    name = str(address)
    client = _client(address, place, url)
    try:
        pings = []
        for _ in range(PINGS):
            since_s = time.monotonic()
            await client.ping()
            pings.append(time.monotonic() - since_s)
        return ServerFacts(
            name, info=await _allowed(client.info()), config=await _allowed(client.config_get(*CONFIG)), ping_s=median(pings)
        )
    except AuthenticationError:
        return ServerFacts(name, error="it refuses the user or the password")
    except (RedisError, OSError) as error:
        return ServerFacts(name, error=_why(error))
    finally:
        await client.aclose()


async def _allowed(asked: Any) -> Mapping[str, Any] | None:
    """The answer, or None where this user may not ask, or hosted servers hide the command."""
    try:
        found: Mapping[str, Any] = await asked
    except (NoPermissionError, ResponseError):
        return None
    return found


async def _cluster(place: Place, url: str) -> tuple[Mapping[str, str] | None, tuple[Node, ...]]:
    """What the first node that answers says of its cluster."""
    for seed in place.seeds:
        client: Any = _client(seed, place, url)
        try:
            # By two words: redis-py reads the answers of commands that it knows by one.
            info = await client.execute_command("CLUSTER", "INFO")
            nodes = await client.execute_command("CLUSTER", "NODES")
        except ResponseError:
            return None, ()
        except (RedisError, OSError):
            continue
        else:
            return read_lines(info), read_nodes(nodes, str(seed))
        finally:
            await client.aclose()
    return None, ()


def read_lines(text: str) -> dict[str, str]:
    """``key:value`` lines."""
    return {key: value for key, _, value in (line.partition(":") for line in text.splitlines()) if value}


def read_nodes(text: str, asked: str) -> tuple[Node, ...]:
    """The lines of ``CLUSTER NODES``. ``asked``: the node that said it, which may not know its own address."""
    found = []
    for line in text.splitlines():
        id_, address, flags, primary, _, _, _, linked, *slots = line.split()
        name = address.partition("@")[0].partition(",")[0]
        kept = [each for each in slots if not each.startswith("[")]
        found.append(
            Node(
                id=id_,
                name=asked if name.startswith(":") else name,
                flags=frozenset(flags.split(",")),
                primary="" if primary == "-" else primary,
                is_linked=linked == "connected",
                slots=sum(_span(each) for each in kept),
                is_moving=len(kept) < len(slots),
            )
        )
    return tuple(found)


def _span(slots: str) -> int:
    first, _, last = slots.partition("-")
    return int(last or first) - int(first) + 1


def _address(name: str) -> Address:
    host, _, port = name.rpartition(":")
    return Address(host, int(port))


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOCAL


def _why(error: Exception) -> str:
    """In words; redis-py puts the address into its texts, which is told beside it anyway."""
    told = error.__cause__ or error.__context__
    cause = told if isinstance(told, OSError) else error
    if isinstance(cause, TimeoutError) or "Timeout" in type(error).__name__:
        return f"nothing in {PATIENCE_S:.0f} s"
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno)
    return str(error).partition("\n")[0] or type(error).__name__
