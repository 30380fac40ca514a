"""The desk: a note is kept once, however often the call is tried; nothing that people write is more than text."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

HOSTILE = '\'); DROP TABLE entries; -- <script>alert(1)</script> =HYPERLINK("x") {contact.id}\n\u202e'


def entries(bot_file: Path, desk_file: Path) -> list[dict[str, object]]:
    """As whoever works at the desk reads them."""
    program = bot_file.with_name("support_desk.py")
    environ = os.environ | {"SUPPORT_DESK": str(desk_file), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, program], capture_output=True, check=True, env=environ, timeout=60)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


async def test_a_note_and_a_rating_are_there_to_be_read(actions, bot_file: Path, desk_file: Path) -> None:
    who = "tel:+12025550123"
    assert await actions["desk.ticket"](contact=who, text=HOSTILE, order="AB123456", idempotency_key="s:4") == {"number": 1}
    assert await actions["desk.rating"](contact=who, score=5, idempotency_key="s:9") == {"number": 2}
    note, rating = entries(bot_file, desk_file)
    assert (note["kind"], note["contact"], note["order"], note["text"]) == ("ticket", who, "AB123456", HOSTILE)
    assert (rating["kind"], rating["score"]) == ("rating", 5)


async def test_tried_again_under_its_key_it_is_the_same_note(actions, bot_file: Path, desk_file: Path) -> None:
    tries = [actions["desk.ticket"](contact="tel:+12025550123", text="Wet.", idempotency_key="s:4") for _ in range(20)]
    assert await asyncio.gather(*tries) == [{"number": 1}] * 20
    assert len(entries(bot_file, desk_file)) == 1


def test_only_the_owner_of_the_file_reads_it(actions, desk_file: Path) -> None:
    asyncio.run(actions["desk.ticket"](contact="tel:+12025550123", text="Wet.", idempotency_key="s:4"))
    assert desk_file.stat().st_mode & 0o077 == 0
