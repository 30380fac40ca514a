"""What is installed on this machine, and its limits."""

import platform
from importlib import metadata

from vaiven.edge.doctor.facts import HostFacts

FAST = ("uvloop", "httptools")


def look_at_host(connections: int, *, redis: bool) -> HostFacts:
    """This machine, for a bot that may have so many calls under way."""
    names = (*FAST, "hiredis") if redis else FAST
    return HostFacts(platform.python_version(), {name: _version(name) for name in names}, _open_files(), connections)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _open_files() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft
