"""Text as it is, and yes or no in any of our languages or by a thumb."""

from vaiven.flow.answers import Outside, Understood, parse_confirm, parse_text
from vaiven.flow.types import Asked


def _read_text(raw: str, asked: Asked) -> Understood | Outside | None:
    """Any text that is not empty; bounds are of its length."""
    return parse_text(raw, asked.minimum, asked.maximum)


def _read_confirm(raw: str, asked: Asked) -> Understood | None:
    return parse_confirm(raw, asked.listener.lang)


READERS = {"text": _read_text, "confirm": _read_confirm}
