"""``vaiven check --walk``: what random walks through a folder of flows came to."""

from pathlib import Path
from typing import Any


def walked(folder: Path, bot: Path | None, walks: int, seed: int) -> dict[str, Any]:
    """Walk, and tell: as data, and under ``told`` as a person reads it.

    Raises:
        FlowError, SettingsError: the bot cannot be run.
    """
    from vaiven.testing.walk import walk
    from vaiven.testing.walk_tests import as_test, told

    found = walk(folder, walks, seed, bot)
    faults = [
        {
            "what": fault.what,
            "where": fault.where,
            "text": told(fault),
            "fails": not fault.odd,
            "test": as_test(fault, found.cast, fault.where.partition("/")[0] or next(iter(found.cast.flows.flows))),
        }
        for fault in found.faults
    ]
    plain = {
        "flows": str(folder),
        "walks": found.walks,
        "acts": found.acts,
        "seed": seed,
        "transitions": found.arrows,
        "taken": found.taken,
        "never": [{"file": file, "line": line, "transition": name} for file, line, name in found.never],
        "faults": faults,
    }
    return {**plain, "told": _picture(plain)}


def _picture(plain: dict[str, Any]) -> str:
    head = f"{plain['flows']}: {plain['walks']} walks, {plain['acts']} acts, seed {plain['seed']}"
    lines = [f"{head}: {plain['taken']} of {plain['transitions']} transitions taken."]
    if plain["never"]:
        lines.append("Never taken:")
        lines += [f"  {each['file']}:{each['line']}: {each['transition']}" for each in plain["never"]]
    for fault in plain["faults"]:
        lines += [
            f"\n{'' if fault['fails'] else 'note: '}{fault['text']}:",
            *(f"  {line}" for line in fault["test"].splitlines()),
        ]
    wrong = sum(fault["fails"] for fault in plain["faults"])
    lines.append("Nothing went wrong." if not wrong else f"\n{wrong} went wrong.")
    return "\n".join(lines)
