"""Plain values as YAML, as people write test files: a line of the talk a line, texts in quotes where they must be."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vaiven.flow.source import resolve

_PLAIN = re.compile(r"[A-Za-z~/][A-Za-z0-9 ,.?!'()&/+~_-]*|([0-9]+[dhms])+")
_KEY = re.compile(r"[a-z][a-z0-9_.]*")


def written(whole: Mapping[str, Any], comment: str) -> str:
    """A test file that ``reading`` reads back as these values. The comment is its first line."""
    return "\n".join([f"# {comment}", *_map(whole, 0)]) + "\n"


def _map(values: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in values.items():
        if depth == 0 and key == "talk":
            yield "talk:"
            for line in value:
                ((verb, told),) = line.items()
                yield f"  - {verb}: {inline(told)}"
        elif depth == 0 and isinstance(value, Mapping) and key == "mocks":
            yield "mocks:"
            yield from _map(value, 1)
        else:
            yield f"{'  ' * depth}{_text(key) if not _KEY.fullmatch(key) else key}: {inline(value)}"


def inline(value: Any) -> str:
    """The value on one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow_key(str(key))}: {inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence):
        return f"[{', '.join(inline(each) for each in value)}]"
    return "null" if value is None else json.dumps(value)


def _flow_key(key: str) -> str:
    return key if _KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _text(text: str) -> str:
    """Plain where nothing in it could be taken for something else, inside of { } and [ ] too; else in double quotes."""
    plain = _PLAIN.fullmatch(text) and "," not in text and not text.endswith(" ") and resolve(text, "plain") == text
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    """JSON's quotes are YAML's; what a file may not bear as it is goes as an escape."""
    told = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08X}" for each in told)
