"""The ring of known ids, and its floor."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vaiven.model.contacts import RING, Contact, below_floor, digest_of, remember, seen
from vaiven.model.urns import Urn, is_home, mask, partition_of

HOME = Urn("tel:+12025550123")


def after(ids: list[tuple[str, int]]) -> Contact:
    contact = Contact(HOME)
    for event_id, at_ms in ids:
        ring, floor_ms = remember(contact, digest_of(event_id), at_ms)
        contact = replace(contact, ring=ring, floor_ms=floor_ms)
    return contact


@given(st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=RING))
def test_every_id_is_known_until_the_ring_overflows(ids: list[str]) -> None:
    contact = after([(each, 1_000 + n) for n, each in enumerate(ids)])
    assert all(seen(contact, digest_of(each)) for each in ids)
    assert contact.floor_ms is None
    assert not below_floor(contact, 0)


def test_an_id_never_told_is_not_known() -> None:
    assert not seen(after([("a", 1)]), digest_of("b"))
    assert not seen(Contact(HOME), digest_of("a"))


def test_the_newest_ids_stay_and_the_floor_is_the_newest_that_fell_out() -> None:
    contact = after([(f"id{n}", 1_000 + n) for n in range(RING + 3)])
    assert [seen(contact, digest_of(f"id{n}")) for n in (0, 2, 3, RING + 2)] == [False, False, True, True]
    assert contact.floor_ms == 1_002
    assert below_floor(contact, 1_001)
    assert not below_floor(contact, 1_002)  # others of the same second may still be to come
    assert not below_floor(contact, None)


def test_a_late_id_that_falls_out_does_not_lower_the_floor() -> None:
    contact = after([("new", 9_000), ("old", 10), *[(f"x{n}", 9_500) for n in range(RING)]])
    assert contact.floor_ms == 9_000


@given(st.text(max_size=40), st.integers(1, 4096))
def test_a_home_belongs_to_one_partition_in_range(home: str, count: int) -> None:
    assert 0 <= partition_of(home, count) < count
    assert partition_of(home, count) == partition_of(home, count)


def test_the_partition_of_a_home_is_fixed_for_all_versions() -> None:
    assert [partition_of(f"tel:+1202555010{n}", 256) for n in range(4)] == [240, 0, 71, 215]


def test_only_schemes_with_one_address_a_person_are_their_own_home() -> None:
    assert is_home("tel:+12025550123")
    assert is_home("messenger:7001")
    assert not is_home("whatsapp:447700900123")


def test_a_masked_address_shows_two_characters_of_the_number() -> None:
    assert mask("tel:+12025550123").startswith("tel:")
    assert "2025550" not in mask("tel:+12025550123")
    assert mask("tel:+12025550123").endswith("..23")
