"""Texts: one pass, values verbatim, filters in the contact's language and zone."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.flow.expressions import Answer, ExpressionError
from vaiven.flow.templates import Locale, compile_template

MADRID = Locale("en", "Europe/Madrid")
SCOPE: dict[str, Any] = {
    "count": {"cast": 3},
    "params": {"max_votes": 10, "opens": "2026-12-05T20:00Z"},
    "pick": Answer(value="anna", id="anna", label="Anna & Luca"),
    "guest": None,
    "price": 1234.5,
    "whole": 4.0,
    "small": 1e-7,
    "flag": True,
    "day": "2026-11-27",
    "moment": datetime(2026, 7, 1, 17, 5, tzinfo=UTC),
    "names": ["Ana", "Bea", "Cleo"],
    "wait": timedelta(hours=2, minutes=30),
}


def render(text: str, locale: Locale = MADRID, **more: Any) -> str:
    return compile_template(text).render({**SCOPE, **more}, locale)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Hello", "Hello"),
        ("Vote {count.cast} of {params.max_votes} for {pick.label} counted.", "Vote 3 of 10 for Anna & Luca counted."),
        ("{ count.cast + 1 }", "4"),
        ("{pick}", "anna"),
        ("[{guest}]", "[]"),
        ("{whole}", "4"),
        ("{price}", "1234.5"),
        ("{small}", "0.0000001"),
        ("{flag}", "yes"),
        ("{names}", "Ana, Bea, Cleo"),
        ("{wait}", "2 h 30 min"),
        ("{day}", "2026-11-27"),
        ("{moment}", "2026-07-01T17:05+00:00"),
        ("{{literal}}", "{literal}"),
        ("{{{count.cast}}}", "{3}"),
        ("{{7*7}}", "{7*7}"),
        ("${count.cast}", "$3"),
        ("{'}'} {'a|b'|upper}", "} A|B"),
        ("{pick.label|upper}", "ANNA & LUCA"),
        ("{pick.label | lower}", "anna & luca"),
        ("{params.opens|time}", "21:00"),
        ("{moment|time}", "19:05"),
        ("{'19:00'|time}", "19:00"),
        ("{'2026-11-27T19:00'|time}", "19:00"),
        ("{day|date}", "27 November 2026"),
        ("{params.opens|datetime}", "5 December 2026 21:00"),
        ("{1796083200000|date}", "1 December 2026"),
        ("{price|number}", "1,234.5"),
        ("{price|number(2)}", "1,234.50"),
        ("{price|money('EUR')}", "€1,234.50"),
        ("{'12.50'|money('USD')}", "US$12.50"),
        ("{names|list}", "Ana, Bea and Cleo"),
        ("{names|list('or')}", "Ana, Bea or Cleo"),
        ("{guest|date}{guest|time}{guest|number}{guest|list}{guest|money('EUR')}{guest|datetime}{guest|upper}", ""),
    ],
)
def test_it_shows(text: str, shown: str) -> None:
    assert render(text) == shown


@pytest.mark.parametrize(
    ("lang", "text", "shown"),
    [
        ("es", "{day|date}", "27 de noviembre de 2026"),
        ("de-AT", "{day|date}", "27. November 2026"),
        ("en-US", "{day|date} {params.opens|time}", "November 27, 2026 9:00 PM"),
        ("en-GB", "{day|date} {params.opens|time}", "27 November 2026 21:00"),
        ("en-XX", "{day|date}", "27 November 2026"),
        ("xx", "{day|date}", "27 November 2026"),
        ("../../etc", "{day|date}", "27 November 2026"),
        ("de", "{price|number(2)}", "1.234,50"),
        ("fr", "{price|number(2)}", "1 234,50"),
        ("es", "{flag} {names|list}", "sí Ana, Bea y Cleo"),
    ],
)
def test_it_speaks_the_language_in_cheap_letters(lang: str, text: str, shown: str) -> None:
    assert render(text, Locale(lang, "Europe/Madrid", gsm=True)) == shown


def test_number_formats_keep_their_spaces_where_no_sms_pays_for_them() -> None:
    assert "\u202f" in render("{price|number}", Locale("fr"))
    assert "\u00a0" in render("{price|money('EUR')}", Locale("es"))


def test_midnight_and_noon_on_a_twelve_hour_clock() -> None:
    american = Locale("en-US", "UTC")
    assert render("{'00:05'|time} {'12:05'|time}", american) == "12:05 AM 12:05 PM"


def test_daylight_saving_is_the_zones_matter() -> None:
    shown = [render("{at|time}", at=f"2026-{day}T12:00Z") for day in ("03-28", "03-29", "10-24", "10-25")]
    assert shown == ["13:00", "14:00", "14:00", "13:00"]


@pytest.mark.parametrize(
    "value",
    [
        "{{7*7}}",
        "${7*7}",
        "{0.__class__}",
        "{count.cast}",
        "%s %(a)s",
        "{% import os %}",
        "\\{guest}",
        "a|upper",
        "\N{RIGHT-TO-LEFT OVERRIDE}x",
    ],
)
def test_what_a_value_brings_in_is_shown_verbatim(value: str) -> None:
    assert render("<{said}|{said}>", said=value) == f"<{value}|{value}>"
    assert render("{said}", said=Answer(value=value)) == value


@given(st.text(max_size=80))
def test_any_value_is_shown_verbatim(value: str) -> None:
    assert render("a{said}b", said=value) == f"a{value}b"


@given(st.text(max_size=80))
def test_doubled_braces_are_the_text_itself(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}")) == text


@given(st.text(alphabet="{}|()'\"\\, abcount.st<&=+", max_size=40))
def test_any_template_renders_or_is_refused(text: str) -> None:
    at = 0
    try:
        render(text)
    except ExpressionError as error:
        at = error.offset
    assert 0 <= at <= len(text)


@pytest.mark.parametrize(
    ("text", "offset", "cure"),
    [
        ("Hello {", 6, "{{"),
        ("Hello }", 6, "}}"),
        ("{}", 0, "{guest}"),
        ("{ }", 0, "{guest}"),
        ("{guest's}", 0, "quotes"),
        ("{a{b}}", 2, "{{"),
        ("at {day|datte}", 8, "date"),
        ("at {day|}", 8, "filters are"),
        ("{day|date(1)}", 5, ""),
        ("{price|money}", 7, ""),
        ("{price|number(2}", 7, "number(…)"),
        ("Hi {a && b}", 6, "and"),
        ("{price|number(1 = 2)}", 16, "=="),
    ],
)
def test_what_does_not_parse_is_told_with_its_place_and_cure(text: str, offset: int, cure: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compile_template(text)
    assert error.value.offset == offset
    assert cure in error.value.cure


@pytest.mark.parametrize(
    "text",
    [
        "{count}",
        "{nobody}",
        "{day|time}",
        "{'soon'|date}",
        "{flag|number}",
        "{price|money('euro')}",
        "{'x'|money('EUR')}",
        "{'Infinity'|money('EUR')}",
        "{price|number(99)}",
        "{day|list}",
        "{huge}",
        "{huge|number}",
        "{long}{long}",
        "{thing}",
        "{1e99|date}",
    ],
)
def test_what_cannot_be_shown_is_an_expression_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        render(text, huge=10**5000, long="x" * 6000, thing=object())


def test_an_unknown_zone_is_an_expression_error() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "", "Europe"):
        with pytest.raises(ExpressionError):
            render("{moment|time}", Locale("en", zone))


def test_an_error_tells_its_place_in_the_text() -> None:
    with pytest.raises(ExpressionError) as error:
        render("Hi {count.cast < word}")
    assert error.value.offset == 17


def test_a_value_that_is_one_slot_keeps_its_type() -> None:
    assert compile_template("{count.cast}").value(SCOPE) == 3
    assert compile_template("{names}").value(SCOPE) == ["Ana", "Bea", "Cleo"]
    assert compile_template("{guest}").value(SCOPE) is None
    assert compile_template("{count.cast} ").value(SCOPE) == "3 "
    assert compile_template("{count.cast|upper}").value(SCOPE) == "3"
    assert compile_template("x").value(SCOPE) == "x"
    assert compile_template("{today + 1d}").value({"today": date(2026, 1, 1)}) == date(2026, 1, 2)


def test_what_it_reads() -> None:
    text = "{pick.label|upper} at {day|date} for {size(names)|number(params.digits)} {day|date}"
    template = compile_template(text)
    assert template.names == {"pick.label", "day", "names", "params.digits"}
    assert [(offset, piece.source) for offset, piece in template.expressions] == [
        (text.index(source), source) for source in ("pick.label", "day", "size(names)", "params.digits")
    ] + [(text.rindex("day"), "day")]


def test_a_text_without_braces_asks_nothing() -> None:
    template = compile_template("Reply 1, 2 or 3.")
    assert (template.names, template.expressions, template.render({}, Locale())) == (frozenset(), (), "Reply 1, 2 or 3.")


def test_formats_are_loaded_only_when_a_text_needs_them() -> None:
    code = "import sys; import vaiven.flow.templates, vaiven.flow.answers; print({'babel', 'rapidfuzz'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}, check=True
    )
    assert done.stdout.strip() == "set()"
