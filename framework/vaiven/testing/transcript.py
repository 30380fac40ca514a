"""Whole talks as plain text, to be read in a review and replayed by a test.

    # what this talk is about
    @ flow ../../flows/tv_vote/vote.flow.yaml
    @ param opens 2026-12-05T20:00Z
    > vote                      what the person types; ``> [Bea & Tom]`` taps a button
    < Who gets your vote tonight?
      1 Anna & Luca             the same message goes on
    ~ 11m                       time passes

Settings stand first: ``flow`` (a path from the transcript's folder), ``param``, ``skin`` (``sms`` or ``whatsapp``), ``clock``,
``language`` (``es español``: what people write to be spoken to in it).
"""

from collections.abc import Iterator
from pathlib import Path

from vaiven.testing.talk import SMS, START_MS, WHATSAPP, Talk, instant_ms, read_flows

SKINS = {"sms": SMS, "whatsapp": WHATSAPP}


def replay(text: str, folder: Path) -> str:
    """The transcript as the flows give it now: equal to ``text`` where nothing has changed.

    Raises:
        ValueError: a line is none of ``# @ > < ~`` or a continuation.
        FlowError: a flow of it does not load.
    """
    lines = text.splitlines()
    talk = _talk([line[2:] for line in lines if line.startswith("@ ")], folder)
    return "\n".join(line for given in lines for line in _line(talk, given)) + "\n"


def _talk(settings: list[str], folder: Path) -> Talk:
    files: list[Path] = []
    params: dict[str, str | int] = {}
    languages: dict[str, tuple[str, ...]] = {}
    skin, clock = "sms", START_MS
    for setting in settings:
        key, _, value = setting.partition(" ")
        match key:
            case "flow":
                files.append(folder / value)
            case "param":
                name, _, given = value.partition(" ")
                params[name] = int(given) if given.isdecimal() else given
            case "language":
                lang, *words = value.split()
                languages[lang] = tuple(words)
            case "skin":
                skin = value
            case "clock":
                clock = instant_ms(value)
            case _:
                raise ValueError(f"a transcript has no setting {key!r}")
    return Talk(read_flows(*files, params=params, languages=languages), SKINS[skin], channel=skin, now_ms=clock)


def _line(talk: Talk, line: str) -> Iterator[str]:
    mark, said = line[:2], line[2:]
    if mark in ("< ", "  "):
        return
    yield line
    if mark == "> ":
        tapped = said.startswith("[") and said.endswith("]")
        yield from _answers(talk.tap(said[1:-1]) if tapped else talk.say(said))
    elif mark == "~ ":
        yield from _answers(talk.wait(said))
    elif line and mark not in ("# ", "@ "):
        raise ValueError(f"a transcript has no line such as {line!r}")


def _answers(texts: list[str]) -> Iterator[str]:
    for text in texts:
        first, *rest = text.split("\n")
        yield f"< {first}"
        yield from (f"  {line}" for line in rest)
