"""A date in a text that goes by SMS does not make it cost twice."""

import pytest

from vaiven.channels.text import Encoding, encoding_of
from vaiven.flow.filters import Locale
from vaiven.flow.templates import compile_template


def shown(day: str, lang: str, gsm: bool) -> str:
    return compile_template("{day|date}").render({"day": day}, Locale(lang, "UTC", gsm))


@pytest.mark.parametrize(
    ("lang", "day", "sms", "else_"),
    [
        ("pt", "2026-03-05", "5 de marco de 2026", "5 de março de 2026"),
        ("fr", "2026-08-05", "5 aout 2026", "5 août 2026"),
        ("fr", "2026-02-05", "5 février 2026", "5 février 2026"),
        ("de", "2026-03-05", "5. März 2026", "5. März 2026"),
        ("es", "2026-12-05", "5 de diciembre de 2026", "5 de diciembre de 2026"),
    ],
)
def test_a_month_is_spelled_in_the_alphabet_of_sms(lang: str, day: str, sms: str, else_: str) -> None:
    assert (shown(day, lang, True), shown(day, lang, False)) == (sms, else_)


@pytest.mark.parametrize("lang", ["en", "es", "fr", "de", "pt", "it"])
def test_no_month_of_ours_leaves_gsm_7(lang: str) -> None:
    for month in range(1, 13):
        assert encoding_of(shown(f"2026-{month:02}-05", lang, True)) is Encoding.GSM7


def test_another_script_stays_as_it_is() -> None:
    assert shown("2026-03-05", "ru", True) == "5 марта 2026 г."
