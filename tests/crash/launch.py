"""Starts the command line with one fault in it: ``launch.py FAULT FIRED [OPTION …] -- run BOT --port N``.

The faults are here and not in the software, so that no way leads to them but this one. FIRED is a file that is written when the
fault has happened: a test whose fault did not happen proves nothing. A fault may bear settings, ``apart:FAULT``:

- ``apart``: events are accepted and turned in two steps, as where something is in the way of doing both in one (on SQLite);
- ``brief``, ``short``: leases end after 3 or 6 s and are shared twice a second, so that a test need not wait for longer.
"""

import functools
import os
import sys
from collections.abc import Callable

import failpoints
import plants

BRIEF_MS, SHORT_MS = 3_000, 6_000


def apart() -> None:
    from vaiven.stores.sqlite import SqliteStore

    setattr(SqliteStore, "turn_at_once", lambda *_: None)  # noqa: B010 - the type checker knows that methods are not for replacing


def leases_of(ttl_ms: int) -> None:
    from vaiven.runtime import bot, leases

    leases.TTL_MS, bot.SHARE_S = ttl_ms, 0.5


SETTINGS: dict[str, Callable[[], None]] = {
    "apart": apart,
    "brief": functools.partial(leases_of, BRIEF_MS),
    "short": functools.partial(leases_of, SHORT_MS),
}


def main() -> None:
    end = sys.argv.index("--")
    name, fired, *options = sys.argv[1:end]
    del sys.argv[1 : end + 1]
    faults: dict[str, Callable[..., None]] = {**failpoints.ALL, **plants.ALL}

    def mark() -> None:
        os.close(os.open(fired, os.O_CREAT | os.O_WRONLY))

    *settings, fault = name.split(":")
    for setting in settings:
        SETTINGS[setting]()
    faults[fault](mark, *options)

    from vaiven.edge.cli import main

    main()


if __name__ == "__main__":
    main()
