"""Starts the command line with one fault in it: ``launch.py FAULT FIRED [OPTION …] -- run BOT --port N``.

The faults are here and not in the software, so that no way leads to them but this one. ``apart:FAULT``: events are accepted and
turned in two steps, as where a store cannot do both in one, or something else is in the way. FIRED is a file that is written when
the fault has happened: a test whose fault did not happen proves nothing.
"""

import os
import sys
from collections.abc import Callable

import failpoints
import plants


def main() -> None:
    end = sys.argv.index("--")
    name, fired, *options = sys.argv[1:end]
    del sys.argv[1 : end + 1]
    faults: dict[str, Callable[..., None]] = {**failpoints.ALL, **plants.ALL}

    def mark() -> None:
        os.close(os.open(fired, os.O_CREAT | os.O_WRONLY))

    apart, _, fault = name.rpartition(":")
    if apart:
        from vaiven.stores.sqlite import SqliteStore

        setattr(SqliteStore, "turn_at_once", lambda *_: None)  # noqa: B010 - the type checker knows that methods are not for replacing
    faults[fault](mark, *options)

    from vaiven.edge.cli import main

    main()


if __name__ == "__main__":
    main()
