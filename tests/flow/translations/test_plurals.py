"""Texts that follow a number or a word, and formats that every SMS can carry."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.flow.expressions import ExpressionError
from vaiven.flow.plurals import missing_forms
from vaiven.flow.templates import Locale, compile_template
from vaiven.flow.values import Answer

FORMS = ["zero", "one", "two", "few", "many", "other"]
CARDINAL = "{n, plural, " + " ".join(f"{form} {{{form}}}" for form in FORMS) + "}"
ORDINAL = CARDINAL.replace("plural", "selectordinal")


def say(text: str, lang: str = "en", gsm: bool = False, **scope: object) -> str:
    return compile_template(text).render(scope, Locale(lang, "UTC", gsm))


@pytest.mark.parametrize(
    ("lang", "forms"),
    [
        ("en", {0: "other", 1: "one", 2: "other", 1.5: "other", 1_000_000: "other"}),
        ("de", {0: "other", 1: "one", 2: "other", 1.5: "other"}),
        ("es", {0: "other", 1: "one", 2: "other", 1.5: "other", 1_000_000: "many"}),
        ("it", {0: "other", 1: "one", 2: "other", 1.5: "other", 1_000_000: "many"}),
        ("fr", {0: "one", 1: "one", 1.5: "one", 2: "other", 1_000_000: "many"}),
        ("pt", {0: "one", 1: "one", 1.5: "one", 2: "other", 1_000_000: "many"}),
        ("pt-PT", {0: "other", 1: "one", 2: "other", 1_000_000: "many"}),
        ("pl", {1: "one", 2: "few", 5: "many", 22: "few", 1.5: "other"}),
        ("ru", {1: "one", 3: "few", 11: "many", 21: "one"}),
        ("ar", {0: "zero", 1: "one", 2: "two", 5: "few", 11: "many", 100: "other"}),
        ("ja", {0: "other", 1: "other"}),
        ("xx", {1: "one", 2: "other"}),
    ],
)
def test_plural_forms_are_those_of_cldr(lang: str, forms: dict[float, str]) -> None:
    assert {count: say(CARDINAL, lang, n=count) for count in forms} == forms


@pytest.mark.parametrize(
    ("lang", "forms"),
    [
        ("en", {1: "one", 2: "two", 3: "few", 4: "other", 11: "other", 21: "one", 112: "other"}),
        ("fr", {1: "one", 2: "other"}),
        ("it", {1: "other", 8: "many", 11: "many", 80: "many"}),
        ("es", {1: "other", 2: "other"}),
    ],
)
def test_ordinal_forms_are_those_of_cldr(lang: str, forms: dict[float, str]) -> None:
    assert {count: say(ORDINAL, lang, n=count) for count in forms} == forms


def test_a_number_sign_is_the_number_as_the_language_writes_it() -> None:
    text = "{n, plural, =0 {ninguno} one {# voto} other {# votos}}"
    assert [say(text, "es", n=count) for count in (0, 1, 2, 12_345, 2.5)] == [
        "ninguno",
        "1 voto",
        "2 votos",
        "12.345 votos",
        "2,5 votos",
    ]
    assert say(text, "es", n=None) == "ninguno"
    assert say(text, "es", n=Answer(value=1)) == "1 voto"


def test_select_takes_a_word_an_answers_id_or_a_truth() -> None:
    text = "{who, select, ana {Ana} true {yes} other {someone #}}"
    shown = [say(text, who=who) for who in ("ana", Answer(value="ana", id="ana"), True, "bo", None)]
    assert shown == ["Ana", "Ana", "yes", "someone #", "someone #"]


def test_choices_stand_in_each_other_with_values() -> None:
    text = "{who, select, ana {{n, plural, one {{name} has # vote} other {{name|upper} has # votes}}} other {-}}"
    assert say(text, who="ana", n=1, name="Ana") == "Ana has 1 vote"
    assert say(text, who="ana", n=3, name="Ana") == "ANA has 3 votes"
    assert compile_template(text).names == {"who", "n", "name"}


def test_what_a_value_brings_is_no_template() -> None:
    assert say("{n, plural, other {{name} #}}", n=2, name="{x} # }") == "{x} # } 2"


@pytest.mark.parametrize(
    ("text", "at", "cure"),
    [
        ("{n, plural, one {x}}", 0, "other"),
        ("{n, plural, uno {x} other {y}}", 12, "zero, one, two, few, many, other"),
        ("{n, plural, one {x} one {y} other {z}}", 20, "one of the two"),
        ("a {n, plural, one {x} other {y}", 2, "as {n, plural"),
        ("{n, plural, other {{x|nope}}}", 22, "filters are"),
        ("{n +, plural, other {x}}", 4, ""),
    ],
)
def test_a_broken_one_is_told_with_its_place(text: str, at: int, cure: str) -> None:
    with pytest.raises(ExpressionError) as found:
        compile_template(text)
    assert (found.value.offset, cure in found.value.cure) == (at, True)


@pytest.mark.parametrize(
    ("text", "lang", "missing"),
    [
        ("{n, plural, one {x} other {y}}", "es", []),
        ("{n, plural, =1 {x} other {y}}", "en", []),
        ("{n, plural, other {y}}", "fr", ["one"]),
        ("{n, plural, one {x} other {y}}", "pl", ["many", "few"]),
        ("{n, plural, other {y}}", "ja", []),
        ("{n, selectordinal, one {x} other {y}}", "en", ["two", "few"]),
        ("{w, select, a {{n, plural, other {y}}} other {z}}", "en", ["one"]),
        ("{{ {n} {w, select, other {z}}", "en", []),
        ("{{n, plural, {n, plural, other {z}}", "en", ["one"]),
    ],
)
def test_forms_that_a_plural_lacks(text: str, lang: str, missing: list[str]) -> None:
    assert missing_forms(text, lang) == missing


def test_what_is_no_number_has_no_plural() -> None:
    with pytest.raises(ExpressionError):
        say(CARDINAL, n="many")


def test_they_do_not_nest_without_end() -> None:
    text = "x"
    for _ in range(300):
        text = f"{{n, plural, other {{{text}}}}}"
    with pytest.raises(ExpressionError):
        compile_template(text[:4000])
    with pytest.raises(ExpressionError, match="stand in each other"):
        compile_template(text[-4000:] if len(text) <= 4000 else "{n, plural, other {" * 9 + "x" + "}}" * 9)


@given(st.text(st.sampled_from("{}#,= ndplurasectoh'|1"), max_size=60))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    refused = None
    try:
        compile_template("{n, plural, " + text)
    except ExpressionError as error:
        refused = error.offset
    assert refused is None or 0 <= refused <= len(text) + 12


GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


@pytest.mark.parametrize("lang", ["en", "en-US", "es", "es-MX", "fr", "fr-CH", "de", "de-CH", "pt", "pt-PT", "it"])
@given(
    amount=st.decimals(-10_000_000, 10_000_000, places=2).map(str),
    count=st.integers(-10_000_000, 10_000_000),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),
    currency=st.sampled_from(["EUR", "USD", "GBP", "CHF", "BRL", "MXN", "JPY", "INR", "KRW", "PLN", "UAH"]),
)
def test_formats_stay_in_the_alphabet_of_sms(lang, amount, count, at, currency) -> None:
    scope = {"amount": amount, "count": count, "at": at}
    text = f"{{amount|money('{currency}')}}/{{count|number}}/{{count|number(2)}}/{{at|time}}/{{count, plural, other {{#}}}}"
    shown = say(text, lang, gsm=True, **scope)
    assert set(shown) <= GSM, shown
    days = say("{at|date}", lang, gsm=True, **scope)
    # Names of months keep their letters: março is no marco.
    assert all(sign in GSM or sign.isalpha() for sign in days), days


def test_money_without_a_sign_of_sms_is_said_by_its_code() -> None:
    assert say("{n|money('INR')}", "en", gsm=True, n=12) == "INR 12.00"
    assert say("{n|money('INR')}", "en", n=12) == "₹12.00"
    assert say("{n|money('EUR')}", "es", gsm=True, n=1234.5) == "1.234,50 €"


@pytest.mark.parametrize(
    ("lang", "shown"),
    [
        ("en", "Ana, Bo and Inés"),
        ("es", "Ana, Bo e Inés"),
        ("fr", "Ana, Bo et Inés"),
        ("de", "Ana, Bo und Inés"),
        ("it", "Ana, Bo e Inés"),
    ],
)
def test_lists_are_joined_as_the_language_does(lang: str, shown: str) -> None:
    assert say("{names|list}", lang, names=["Ana", "Bo", "Inés"]) == shown
    assert say("{names|list}", "es", names=["agua", "hielo"]) == "agua y hielo"
