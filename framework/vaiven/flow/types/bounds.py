"""Bounds, applied after understanding."""

from typing import Any

from vaiven.flow.answers import Outside, Understood


def bounded(
    value: Any, measure: Any, raw: str, minimum: Any = None, maximum: Any = None, assumed: tuple[str, ...] = ()
) -> Understood | Outside:
    """``measure`` is what is compared with the bounds, both inclusive and of its own kind, or None."""
    if minimum is not None and measure < minimum:
        return Outside("min", value, raw)
    if maximum is not None and measure > maximum:
        return Outside("max", value, raw)
    return Understood(value, raw, assumed=assumed)
