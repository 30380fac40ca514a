"""The Lua scripts, one a promise. Each names the keys that it touches, and the parts (``lib_*.lua``) it is put together with.

Where memory is full (``maxmemory``) nothing new is taken, and what is under way is finished: scripts for that say so.
"""

import re
from functools import cache
from importlib.resources import files

from vaiven.model.messages import AGEING_MS, PASSING, PRIORITY, MessageClass
from vaiven.model.outbox import ROWS_A_TURN, STEP_ASIDE_MS
from vaiven.stores import rules
from vaiven.stores.redis.packing import BLOCK, CLASS_CODES, PARKED_MS, UNUSUAL
from vaiven.stores.redis.wire import Script


def _constants() -> dict[str, str]:
    """What scripts decide by, from the values that Python decides by."""
    priority = ", ".join(f"[{code}] = {PRIORITY[kind]}" for kind, code in CLASS_CODES.items())
    passing = ", ".join(f"[{CLASS_CODES[kind]}] = true" for kind in sorted(PASSING))
    return {
        "AGEING_MS": str(AGEING_MS),
        "STEP_ASIDE_MS": str(STEP_ASIDE_MS),
        "ROWS_A_TURN": str(ROWS_A_TURN),
        "REACH": str(rules.REACH),
        "BLOCK": str(BLOCK),
        "PARKED_MS": str(PARKED_MS),
        "UNUSUAL": str(UNUSUAL),
        "CONSENT": str(CLASS_CODES[MessageClass.CONSENT]),
        "PRIORITY": f"{{{priority}}}",
        "PASSING": f"{{{passing}}}",
    }


_ASKED = """local redis, struct, string = redis, struct, string
local BASE, ORIGIN, ASKED = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])
local function blob(at) return ARGV[3 + at] end
"""


GOES_ON = ("-- A full server goes on with this.\n", "#!lua flags=allow-oom\n")
"""How a script says so, and how a server is told ("script flags", since Redis 7.0)."""


def _read(name: str) -> str:
    return files(__name__).joinpath(f"{name}.lua").read_text("utf-8")


@cache
def script(name: str) -> Script:
    """The script of this name, put together."""
    body = _read(name)
    head = [line for line in body.splitlines() if line.startswith("-- With: ")]
    parts = [_read(f"lib_{part}") for line in head for part in line.removeprefix("-- With: ").split()]
    text = _ASKED + "".join(parts) + body
    words = set(re.findall(r"\b[A-Z_]+\b", text))
    # Each call pays for every line that it runs through.
    needed = [f"local {name} = {value}\n" for name, value in _constants().items() if name in words]
    said, flags = GOES_ON
    return Script(name, (flags if said in body else "") + "".join(needed) + text)
