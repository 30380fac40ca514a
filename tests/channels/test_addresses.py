"""From a provider's address to a URN and back."""

import pytest

from vaiven.channels.addresses import phone, sms_address, sms_recipient


@pytest.mark.parametrize(
    ("told", "country", "urn"),
    [
        ("+12025550143", None, "tel:+12025550143"),
        ("+447700900123", None, "tel:+447700900123"),
        ("447700900123", None, "tel:+447700900123"),
        ("07700 900123", "GB", "tel:+447700900123"),
        ("+44 7700-900123", None, "tel:+447700900123"),
        ("25556", "ES", "short:ES:25556"),
        ("25556", "es", "short:ES:25556"),
        ("25556", None, "short:25556"),
        ("MYBRAND", None, "alpha:MYBRAND"),
        ("My Brand 24", "US", "alpha:My Brand 24"),
        ("whatsapp:+447700900123", None, "whatsapp:447700900123"),
        ("rcs:agent_7", None, "rcs:agent_7"),
        ("", None, None),
        ("+", None, None),
        ("whatsapp:", None, None),
        ("whatsapp:+", None, None),
        ("res:slots/1", None, None),
        ("channel:sms/1", None, None),
        ("12025550199999999", None, None),
        ("+0123456789", None, None),
        ("A NAME THAT IS TOO LONG", None, None),
        ("＋12025550143", None, None),
        ("+1202555O143 ext 5", None, None),
        ("1-800-FLOWERS!", None, None),
        ("+1202555014312345678", None, None),
    ],
)
def test_addresses(told: str, country: str | None, urn: str | None) -> None:
    assert sms_address(told, country) == urn


@pytest.mark.parametrize(
    "told", ["+12025550143 ext 5", "tel:+12025550143", "+1202555O143", "+٤٤7700900123", "++12025550143", "+1\u200b2025550143"]
)
def test_what_the_library_forgives_is_no_number_here(told: str) -> None:
    assert phone(told, "US") is None


@pytest.mark.parametrize(
    ("urn", "dialled"),
    [
        ("tel:+12025550143", "+12025550143"),
        ("short:ES:25556", "25556"),
        ("short:25556", "25556"),
        ("alpha:MYBRAND", None),
        ("whatsapp:447700900123", None),
    ],
)
def test_what_is_dialled(urn: str, dialled: str | None) -> None:
    assert sms_recipient(urn) == dialled
