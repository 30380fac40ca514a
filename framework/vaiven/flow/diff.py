"""What an edit of a flow changes, and what becomes of the people who stand in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vaiven.flow.document import FlowDocument
from vaiven.flow.hashes import document_hash, pieces, shape_hash


class Kind(StrEnum):
    """What an edit is. ``TEXT`` reaches everyone at once; ``SHAPE`` leaves people in the version they began, or moves them."""

    SAME = "same"
    TEXT = "text"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Change:
    """One piece of the flow: ``what`` it is (``step pick``), and ``how`` it changed: ``text shape added removed``."""

    what: str
    how: str


class Fate(StrEnum):
    """What becomes of who stands on a step when a new version is published."""

    WORDS = "goes on, with the new words"
    OLD = "goes on in the old version, until it ends"
    MOVED = "moves"
    STRANDED = "would have nowhere to go"


def kind_of(old: FlowDocument, new: FlowDocument) -> Kind:
    """What lies between two documents of one flow."""
    if shape_hash(old) != shape_hash(new):
        return Kind.SHAPE
    return Kind.SAME if document_hash(old) == document_hash(new) else Kind.TEXT


def changes(old: FlowDocument, new: FlowDocument) -> list[Change]:
    """Every piece that differs, in the order of the new file; what was removed comes last."""
    before, after = pieces(old), pieces(new)
    found = []
    for what, (shape, whole) in after.items():
        if what not in before:
            found.append(Change(what, "added"))
        elif before[what][0] != shape:
            found.append(Change(what, "shape"))
        elif before[what][1] != whole:
            found.append(Change(what, "text"))
    removed = [Change(what, "removed") for what in before if what not in after]
    steps_moved = {change.how for change in [*found, *removed] if change.what.startswith("step ")} & {"added", "removed"}
    # Steps that came or went are told by name; their order is told only where it alone has changed.
    return [change for change in found if not (steps_moved and change.what == "order of steps")] + removed


def fate(new: FlowDocument, new_shape: str, shape: str, step: str) -> tuple[Fate, str]:
    """What becomes of somebody who stands on this step of this shape, and on which step of the new version they then stand."""
    if shape == new_shape:
        return Fate.WORDS, step
    if not new.migrate:
        return Fate.OLD, step
    target = moved_to(new.migrate, {each.name for each in new.steps}, step)
    return (Fate.STRANDED, "") if target is None else (Fate.MOVED, target)


def moved_to(migrate: Mapping[str, str], steps: set[str], step: str) -> str | None:
    """The step that ``migrate`` leads to: its rule, else the step of the same name; None: there is neither."""
    target = migrate.get(step, step)
    return target if target in steps else None
