"""Where calls of flows may go: to public addresses, and to what ``calls.allow`` of bot.yaml names. Pure.

Sources: the special-purpose address registries of IANA for IPv4 and IPv6, RFC 6890, RFC 6052 (NAT64), RFC 4291 (read 2026-11).
"""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HTTPS = 443
REGISTERED = 1024
"""Ports below are those of other services; of these only that of https is called without being named."""

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by carriers
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: where clouds tell their machines' secrets
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays from IPv6
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""All that is routed as global unicast. Loopback, mapped, local, site-local and multicast addresses lie outside."""
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols, Teredo among them
            "2001:db8::/32",
            "2002::/16",  # 6to4: any IPv4 address can be written in it
            "3fff::/20",
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether this is one machine on the public internet. An IPv4 address within an IPv6 one is judged as itself."""
    address = plain(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def plain(address: Address) -> Address:
    """The IPv4 address that a mapped or NAT64 one leads to; any other as it is."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def numeric(host: str) -> bool:
    """Whether this stands for an address rather than a name: ``::1``, and anything of digits and dots."""
    return ":" in host or host.replace(".", "").isdigit()


class Reach:
    """Which addresses may be called. ``allow`` has hosts, addresses and networks, each with a port after it or for any port.

    Raises ValueError for an entry that is none of these.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._names: set[tuple[str, int | None]] = set()
        self._networks: list[tuple[Network, int | None]] = []
        for entry in allow:
            host, port = _split(entry)
            network = _network(host)
            if network is not None:
                self._networks.append((network, port))
            else:
                self._names.add((_name(host), port))

    def names(self, host: str, port: int) -> bool:
        """Whether ``calls.allow`` names this host."""
        name = host.rstrip(".").lower()
        return (name, None) in self._names or (name, port) in self._names

    def holds(self, address: Address, port: int) -> bool:
        """Whether ``calls.allow`` names this address, or a network around it."""
        address = plain(address)
        return any(named in (None, port) and address in network for network, named in self._networks)

    def permits(self, host: str, port: int, found: Collection[str], *, secure: bool, named: bool = True) -> bool:
        """Whether a host may be called that was found at these addresses: each of them must be fit.

        Without TLS (``secure``) only what is allowed is. ``named`` False: what is allowed does not count, since somebody else
        than the flow chose the host.
        """
        if named and self.names(host, port):
            return bool(found)
        usual = secure and (port == HTTPS or port >= REGISTERED)
        for text in found:
            try:
                address = ip_address(text)
            except ValueError:
                return False
            if not ((named and self.holds(address, port)) or (usual and is_public(address))):
                return False
        return bool(found)


def _split(entry: str) -> tuple[str, int | None]:
    """Host and port of ``host``, ``host:8080``, ``[::1]:8080``, ``::1`` or ``10.0.0.0/8``."""
    host, colon, port = entry.rpartition(":")
    if not colon or entry.endswith("]") or (":" in host and not host.endswith("]")):
        host, port = entry, ""
    if host.startswith("[") != host.endswith("]") or (colon and not port and entry.endswith(":") and "::" not in entry):
        raise ValueError(f"{entry!r} is no host")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise ValueError(f"{port!r} is no port")
    return host.removeprefix("[").removesuffix("]"), int(port) if port else None


def _network(host: str) -> Network | None:
    """The network, or the one address as a network; None if it is a name."""
    if "/" not in host and not numeric(host):
        return None
    network = ip_network(host)  # raises ValueError for bits beside the prefix, too
    if isinstance(network, IPv6Network) and network.prefixlen == 128:
        address = plain(network.network_address)
        return ip_network(address)
    return network


def _name(host: str) -> str:
    name = host.rstrip(".").lower()
    labels = name.split(".")
    if not name.isascii() or len(name) > 253 or not all(_label(label) for label in labels):
        raise ValueError(f"{host!r} is no host")
    return name


def _label(label: str) -> bool:
    inner = label.replace("-", "a").replace("_", "a")
    return 0 < len(label) < 64 and inner.isalnum() and not label.startswith("-") and not label.endswith("-")
