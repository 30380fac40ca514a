"""The words of consent: taken in every disguise, and only as the whole message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.flow.answers import LEGAL_WORDS, SMS_WORDS, legal_clash, legal_word, opt_in_word


@pytest.mark.parametrize("word", ["STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "REVOKE", "OPTOUT", "OPT OUT", "opt-out", "Stop"])
def test_the_words_stop_on_every_channel(word: str) -> None:
    assert legal_word(word, sms=True) == legal_word(word, sms=False) == "stop"


@pytest.mark.parametrize("word", ["CANCEL", "END", "quit"])
def test_three_words_stop_on_sms_only(word: str) -> None:
    assert legal_word(word, sms=True) == "stop"
    assert legal_word(word, sms=False) is None


@pytest.mark.parametrize(("word", "meaning"), [("START", "start"), ("unstop", "start"), ("HELP", "help"), ("Info?", "help")])
def test_the_words_that_start_and_help(word: str, meaning: str) -> None:
    assert legal_word(word, sms=True) == legal_word(word, sms=False) == meaning


@pytest.mark.parametrize(
    "disguise",
    [
        "STOP.",
        "stop!",
        " stop\n",
        "“Stop”",
        "ＳＴＯＰ",
        "STΟP",
        "ЅТОР",
        "ѕтор",
        "STÓP",
        "STΌP",
        "S\u200bTOP",
        "\u202eSTOP",
        "S\u00adTOP",
        "ST\u2060OP\ufeff",
        "𝐒𝐓𝐎𝐏",
        "Ⓢⓣⓞⓟ",
        "🅂🅃🄾🄿",
        "🆂🆃🅾🅿",
        "🇸🇹🇴🇵",
        "ꜱᴛᴏᴘ",
        "STOP 🛑",
        "STOP" + "!" * 100,
    ],
)
def test_a_disguised_stop_is_a_stop(disguise: str) -> None:
    assert legal_word(disguise, sms=True) == legal_word(disguise, sms=False) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "Stop please",
        "stop at the next station",
        "don't stop",
        "stop it",
        "s t o p",
        "stpo",
        "stopp",
        "non-stop",
        "help me",
        "3",
        "",
        "🛑",
        "vote 3",
        "the end",
        "yes",
        "σтoπ",
    ],
)
def test_an_answer_is_no_legal_word(text: str) -> None:
    assert legal_word(text, sms=True) is None


def test_yes_opts_in_beside_start_and_unstop() -> None:
    assert [opt_in_word(word) for word in ("YES!", "start", "Unstop", "no", "yes please", "stop")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_clash_is_told_before_it_happens() -> None:
    assert legal_clash("Cancel", sms=True) == "stop"
    assert legal_clash("Cancel", sms=False) is None
    assert legal_clash("End!", sms=True) == "stop"
    assert legal_clash("Info", sms=False) == "help"
    assert legal_clash("Cancel order", sms=True) is None


@given(st.sampled_from(sorted(SMS_WORDS)), st.text(alphabet=" .!?\u200b\u202e\t\n", max_size=8), st.data())
def test_any_case_and_punctuation_around_a_word(word: str, around: str, data: st.DataObject) -> None:
    cased = "".join(data.draw(st.sampled_from([letter.lower(), letter.upper()])) for letter in word)
    assert legal_word(around + cased + around, sms=True) == SMS_WORDS[word]
    assert legal_word(cased, sms=False) == LEGAL_WORDS.get(word)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert legal_word(text, sms=True) in ("stop", "start", "help", None)
