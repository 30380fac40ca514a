"""Instants as Meta tells them: seconds or milliseconds, as numbers or as text, and what is none."""

import pytest

from vaiven.channels.meta import milliseconds
from vaiven.model.contacts import Contact, digest_of, remember
from vaiven.model.urns import Urn


@pytest.mark.parametrize(
    ("told", "ms"),
    [
        ("1795305600", 1_795_305_600_000),
        (1_795_305_600, 1_795_305_600_000),
        ("1795305600123", 1_795_305_600_123),
        (1_795_305_600_123, 1_795_305_600_123),
        ("", None),
        ("-1", None),
        ("9" * 15, None),
        (9e14, None),
        (True, None),
        (None, None),
        ("١٧٩", None),
    ],
)
def test_an_instant_is_read_or_is_none(told: object, ms: int | None) -> None:
    assert milliseconds(told) == ms


def test_every_instant_that_is_read_fits_the_ring() -> None:
    latest = milliseconds(249_999_999_999_999)
    assert latest is not None
    assert remember(Contact(Urn("whatsapp:447700900123")), digest_of("id"), latest)[1] is None
