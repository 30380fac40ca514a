"""The machine and the Python that this runs on."""

from collections.abc import Iterator

from vaiven.edge.doctor.facts import HostFacts
from vaiven.edge.doctor.findings import Code, Finding, ok, warn

DOOR_CONNECTIONS = 1024
"""Connections of providers that a process may have open besides its calls: what a balancer keeps alive."""
OTHER_FILES = 64


def check_host(facts: HostFacts) -> Iterator[Finding]:
    """What is installed here, and how many files may be open."""
    yield ok(Code.PYTHON, f"Python {facts.python}")
    missing = [name for name, version in facts.modules.items() if version is None]
    if missing:
        extra = "redis" if missing == ["hiredis"] else "fast,redis" if "hiredis" in missing else "fast"
        told = f"{', '.join(missing)} not installed: everything works, at more CPU a message"
        yield warn(Code.SPEED, told, f'pip install "vaiven[{extra}]" on the machines that serve.')
    else:
        yield ok(Code.SPEED, ", ".join(f"{name} {version}" for name, version in facts.modules.items()))
    wanted = facts.connections + DOOR_CONNECTIONS + OTHER_FILES
    if facts.open_files is None:
        yield warn(Code.OPEN_FILES, "the limit of open files cannot be seen here", f"Allow at least {wanted} to the service.")
    elif facts.open_files < wanted:
        told = f"{facts.open_files} files may be open; {facts.connections} calls and {DOOR_CONNECTIONS} webhooks want {wanted}"
        yield warn(Code.OPEN_FILES, told, f"LimitNOFILE={max(65_536, wanted)} in the service, or ulimit -n.")
    else:
        yield ok(Code.OPEN_FILES, f"{facts.open_files} files may be open, {wanted} are wanted at most")
