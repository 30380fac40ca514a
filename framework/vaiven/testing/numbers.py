"""Telephone numbers that belong to nobody, enough of them for a crowd.

In every geographic area of the North American plan, 555-0100 to 555-0199 are kept for fiction; Ofcom keeps 07700 900000 to
900999 for drama. Sources: the plan's rules for 555 line numbers; Ofcom, "Telephone numbers for drama purposes".
"""

FIRST_AREA = 202
"""The numbers begin in this area, so the first hundred are +1 202 555 01xx."""

AREAS = tuple(
    area
    for area in (*range(FIRST_AREA, 1000), *range(200, FIRST_AREA))
    # A middle 9 is kept for longer numbers; two equal last digits (211, 800, 911) are service codes, never an area.
    if area // 10 % 10 != 9 and area % 10 != area // 10 % 10
)
NORTH_AMERICAN = len(AREAS) * 100
"""How many there are of +1 xxx 555 01xx."""
BRITISH_MOBILE = 1000
"""How many there are of +44 7700 900xxx."""


def north_american(index: int) -> str:
    """The fictitious number +1 xxx 555 01xx at ``index``, from 0.

    Raises:
        IndexError: there are no more than ``NORTH_AMERICAN``.
    """
    if index < 0:
        raise IndexError(index)
    return f"+1{AREAS[index // 100]}55501{index % 100:02d}"


def british_mobile(index: int) -> str:
    """The fictitious number +44 7700 900xxx at ``index``, from 0.

    Raises:
        IndexError: there are no more than ``BRITISH_MOBILE``.
    """
    if not 0 <= index < BRITISH_MOBILE:
        raise IndexError(index)
    return f"+447700900{index:03d}"
