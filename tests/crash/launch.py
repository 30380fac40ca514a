"""Starts the command line with one fault in it: ``launch.py FAULT FIRED [OPTION …] -- run BOT --port N``.

The faults are here and not in the software, so that no way leads to them but this one. FIRED is a file that is written when
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

    faults[name](mark, *options)

    from vaiven.edge.cli import main

    main()


if __name__ == "__main__":
    main()
