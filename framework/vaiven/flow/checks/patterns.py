"""Which regular expressions may judge what people type: those that cannot be made to run for ever.

The engine of ``re`` backtracks, so ``(a+)+$`` takes seconds on thirty letters. We refuse, a little too much rather than too
little: a repeat inside a repeat, alternatives inside a repeat that can begin alike, repeats in a row that can take the same
characters, back references and looking around.
"""

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

_PROBE = "".join(map(chr, range(9, 127))) + "\xa0éßñÅΩЖяא中あ한٣۵🙂\u200d_"
_MANY = 16
"""A repeat up to more than this many times counts as one without end."""
_LONGEST = 200

_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_SINGLE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")

Items = Sequence[tuple[Any, Any]]


def why_not(pattern: str) -> tuple[str, str] | None:
    """What is wrong with a pattern, and what would be right; None: it is taken."""
    if len(pattern) > _LONGEST:
        return f"the pattern has more than {_LONGEST} characters", "Split the question, or check less."
    try:
        re.compile(pattern)
        parsed = import_module("re._parser").parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"the pattern is no regular expression: {error}", "Source: the syntax of Python's re module."
    try:
        return _sequence(list(parsed), parsed.state.flags)
    except RecursionError:
        return "the pattern nests too deep", "Write it flatter."


def never_fits(pattern: str, fold: str | None, least: Any, most: Any) -> tuple[str, str] | None:
    """Why no text that is asked for can have this pattern, folded as it is and as long as it must be; None: some can."""
    parsed = import_module("re._parser").parse(pattern)
    if fold is not None and _needs_other_case(list(parsed), parsed.state.flags, fold):
        other = "lower" if fold == "upper" else "upper"
        return (
            f"nothing fits the pattern: it needs a letter in {other} case, and `fold: {fold}` leaves none",
            "Write the pattern for the folded text.",
        )
    shortest, longest = parsed.getwidth()
    if isinstance(most, int | float) and shortest > most:
        return f"nothing fits the pattern and `max`: it takes at least {shortest} characters", f"Remove `max: {most}`."
    if isinstance(least, int | float) and longest < least:
        return f"nothing fits the pattern and `min`: it takes at most {longest} characters", f"Remove `min: {least}`."
    return None


def _needs_other_case(items: Items, flags: int, fold: str) -> bool:
    """Whether some element that must be there can only be a letter that folding takes away."""
    for operation, argument in items:
        name = str(operation)
        if name in _SINGLE:
            taken = _characters(name, argument, flags)
            if taken and all(getattr(one, fold)() != one for one in taken):
                return True
        elif name == "BRANCH":
            if all(_needs_other_case(list(branch), flags, fold) for branch in argument[1]):
                return True
        elif name not in _REPEATS or int(argument[0]):
            found = (_needs_other_case(inner, flags, fold) for inner in _inside(name, argument))
            if any(found):
                return True
    return False


_SLOW = "it can take for ever on a text that nearly fits"


def _sequence(items: Items, flags: int) -> tuple[str, str] | None:
    for operation, argument in items:
        name = str(operation)
        if name in ("GROUPREF", "GROUPREF_EXISTS", "ASSERT", "ASSERT_NOT"):
            return "the pattern refers back or looks around", "Say what the text consists of, from left to right."
        if name == "SUBPATTERN" and (argument[1] or argument[2]):
            return "flags stand inside the pattern", "Put them at its start, for all of it: `(?i)yes|no`."
        for inner in _inside(name, argument):
            if told := _sequence(inner, flags):
                return told
        if name in _REPEATS and _endless(argument) and (told := _repeat(list(argument[2]), flags)):
            return told
    return _row(items, flags)


def _inside(name: str, argument: Any) -> Iterable[Items]:
    """The sequences inside one element."""
    if name in _REPEATS:
        yield list(argument[2])
    elif name == "SUBPATTERN":
        yield list(argument[3])
    elif name == "BRANCH":
        yield from (list(branch) for branch in argument[1])
    elif name == "ATOMIC_GROUP":
        yield list(argument)


def _endless(argument: Any) -> bool:
    return int(argument[1]) > _MANY


def _repeat(body: Items, flags: int) -> tuple[str, str] | None:
    """What a repeat without end must not have in it."""
    for operation, argument in body:
        name = str(operation)
        if name in _REPEATS and int(argument[0]) != int(argument[1]):
            return f"a repeat stands inside a repeat: {_SLOW}", "Repeat once: `[a-z]+` and not `([a-z]+)+`."
        if name == "BRANCH":
            firsts = [_first(list(branch), flags) for branch in argument[1]]
            seen: set[str] = set()
            for first in firsts:
                if not first or seen & first:
                    cure = "Let each alternative begin with other characters, or write a class: `[ab]*`."
                    return f"alternatives that begin alike are repeated: {_SLOW}", cure
                seen |= first
        for inner in _inside(name, argument):
            if name != "BRANCH" and (told := _repeat(inner, flags)):
                return told
            if name == "BRANCH" and any(str(op) in (*_REPEATS, "BRANCH", "SUBPATTERN") for op, _ in inner):
                return f"a repeat stands inside a repeat: {_SLOW}", "Repeat once: `[a-z]+` and not `([a-z]+)+`."
    return None


def _row(items: Items, flags: int) -> tuple[str, str] | None:
    """Two repeats of which each could take what the other takes, with nothing between them that keeps them apart."""
    flat = list(_flat(items))
    for index, (name, argument) in enumerate(flat):
        if name not in _REPEATS or not _endless(argument):
            continue
        reach = _takes(list(argument[2]), flags)
        for other, its in flat[index + 1 :]:
            takes = _takes([(other, its)], flags)
            if other in _REPEATS and _endless(its) and takes & reach:
                cure = "Put something between them that neither can take, or make them one."
                return f"two repeats in a row can take the same characters: {_SLOW}", cure
            if other != "AT" and not (other in _REPEATS and int(its[0]) == 0) and not takes & reach:
                break
    return None


def _flat(items: Items) -> Iterable[tuple[str, Any]]:
    """A sequence with its groups opened."""
    for operation, argument in items:
        if str(operation) == "SUBPATTERN":
            yield from _flat(list(argument[3]))
        else:
            yield str(operation), argument


def _takes(items: Items, flags: int) -> set[str]:
    """Which characters of our probe could stand anywhere in what these elements take."""
    found: set[str] = set()
    for operation, argument in items:
        name = str(operation)
        if name in _SINGLE:
            found |= _characters(name, argument, flags)
        for inner in _inside(name, argument):
            found |= _takes(inner, flags)
    return found


def _first(items: Items, flags: int) -> set[str]:
    """Which characters these elements can begin with; empty if they can be nothing at all."""
    for operation, argument in items:
        name = str(operation)
        if name in _SINGLE:
            return _characters(name, argument, flags)
        if name in _REPEATS and int(argument[0]) == 0:
            return set()
        found = [_first(inner, flags) for inner in _inside(name, argument)]
        if found:
            return set().union(*found) if all(found) else set()
    return set()


def _characters(name: str, argument: Any, flags: int) -> set[str]:
    if name == "LITERAL":
        both = {chr(argument), chr(argument).lower(), chr(argument).upper()}
        return both if flags & re.IGNORECASE else {chr(argument)}
    if name == "NOT_LITERAL":
        return set(_PROBE) - {chr(argument)}
    if name == "ANY":
        return set(_PROBE)
    return {character for character in _PROBE if _in_class(character, argument, flags)}


_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


def _in_class(character: str, members: Any, flags: int) -> bool:
    found, negated = False, False
    for operation, argument in members:
        name = str(operation)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            found |= character == chr(argument)
        elif name == "RANGE":
            found |= argument[0] <= ord(character) <= argument[1]
        elif name == "CATEGORY":
            word = str(argument).removeprefix("CATEGORY_")
            plain = _CATEGORIES[word.removeprefix("NOT_")]
            found |= (re.match(plain, character) is not None) != word.startswith("NOT_")
    if not found and flags & re.IGNORECASE and character.swapcase() != character:
        return _in_class(character.swapcase(), members, flags & ~re.IGNORECASE)
    return found != negated
