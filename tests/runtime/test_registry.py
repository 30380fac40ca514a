"""What a bot's Python registers."""

from typing import Any

import pytest

import vaiven
from vaiven import action, parser, recogniser, resource
from vaiven.runtime.registry import Registry, collect


@action("faq.answer")
async def answer(question: str) -> str:
    return question.upper()


@parser("plate")
def plate(text: str) -> str | None:
    return text.upper() if len(text) == 7 else None


@resource("slots")
def slots(state: Any, word: Any, now: int) -> Any:
    return state, []


async def test_a_decorated_function_stays_what_it_was() -> None:
    assert await answer("hi") == "HI"
    assert (plate("1234abc"), plate("x")) == ("1234ABC", None)


def test_what_is_registered_is_found_by_its_name() -> None:
    found = collect([answer, plate, slots, print, 3, None, Registry])
    assert found.actions["faq.answer"].function is answer
    assert (found.parsers, found.resources) == ({"plate": plate}, {"slots": slots})
    assert not found.actions["faq.answer"].takes_key


def test_one_function_may_have_many_names() -> None:
    @action("a")
    @action("b")
    async def both(*, idempotency_key: str) -> None: ...

    found = collect([both, both]).actions
    assert {name: each.takes_key for name, each in found.items()} == {"a": True, "b": True}


def test_two_functions_of_one_name() -> None:
    @parser("plate")
    def other(text: str) -> None: ...

    with pytest.raises(ValueError, match="parser 'plate'"):
        collect([plate, other])


@pytest.mark.parametrize("name", ["", "Faq", "a..b", ".a", "a-b", "é", "a b", None, 3, answer])
def test_what_is_no_name(name: Any) -> None:
    for decorator in (action, parser, resource):
        with pytest.raises(ValueError, match="cannot be the name"):
            decorator(name)


def test_no_resource_is_named_as_queues_of_people_are() -> None:
    with pytest.raises(ValueError, match="queue"):
        resource("queue")


@pytest.mark.parametrize(("decorator", "function"), [(action("x"), plate), (parser("x"), answer), (resource("x"), answer)])
def test_actions_wait_and_the_others_do_not(decorator: Any, function: Any) -> None:
    with pytest.raises(TypeError, match="must be"):
        decorator(function)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = vaiven.nothing


def test_recognisers_are_asked_in_order() -> None:
    @recogniser("short")
    def short(text: str, lang: str) -> str | None:
        return "buy" if text == "buy" else None

    @recogniser("long")
    def long(text: str, lang: str) -> str | None:
        return f"other_{lang}"

    found = collect([short, long]).recogniser
    assert found is not None
    assert [found("buy", "en"), found("sell", "en")] == ["buy", "other_en"]
    assert collect([]).recogniser is None
