"""What a log line says, and what never gets into one."""

import io
import json
import logging
from base64 import b64encode
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.edge import logs
from vaiven.model.errors import SignatureMismatch, StoreUnavailable

NUMBER = "+12025550147"
WORDS = "canary words of a person"
SECRET = "s3cret-canary-0000"


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("vaiven")
    held, level, our_level = list(root.handlers), root.level, ours.level
    flags = (logging.logThreads, logging.logProcesses, logging.logMultiprocessing)
    yield
    root.handlers[:], root.level = held, level
    ours.setLevel(our_level)
    logging.logThreads, logging.logProcesses, logging.logMultiprocessing = flags


@pytest.fixture(params=logs.FORMATS)
def out(request: pytest.FixtureRequest) -> io.StringIO:
    stream = io.StringIO()
    logs.setup(request.param, "debug", stream)
    return stream


def said(stream: io.StringIO) -> str:
    text = stream.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1, "one record is one line"
    return text[:-1]


def test_text_lines_are_pairs() -> None:
    stream = io.StringIO()
    logs.setup("text", "info", stream)
    logging.getLogger("vaiven.runtime.turn").info("turn refused", extra={"channel": "sms", "partition": 7, "reason": None})
    line = said(stream)
    assert line.split(" ", 1)[0].startswith("at=20")
    assert line.split(" ", 1)[1] == 'level=info logger=runtime.turn message="turn refused" channel=sms partition=7 reason=-'


def test_json_lines_are_objects() -> None:
    stream = io.StringIO()
    logs.setup("json", "info", stream)
    logging.getLogger("vaiven.edge").warning("late", extra={"age_s": 1.5, "event": "twilio:SM0123456789abcdef0123456789abcdef"})
    line = json.loads(said(stream))
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "edge",
        "message": "late",
        "age_s": 1.5,
        "event": "twilio:SM0123456789abcdef0123456789abcdef",
    }


def test_only_fields_of_the_list_are_written(out: io.StringIO) -> None:
    logging.getLogger("vaiven").info("took in", extra={"text": "hello", "token": SECRET, "row": "37.12"})
    line = said(out)
    assert "37.12" in line
    assert "hello" not in line
    assert SECRET not in line


def test_a_field_with_words_in_it_is_not_shown(out: io.StringIO) -> None:
    logging.getLogger("vaiven").info("took in", extra={"reason": WORDS, "outcome": "line\nbreak"})
    line = said(out)
    assert "canary" not in line
    assert line.count("(words)") == 2


@pytest.mark.parametrize(
    "field", ["home", "address", "event", "session", "owner", "reason", "detail", "url", "path", "id", "provider_id"]
)
@pytest.mark.parametrize(
    "value",
    [
        f"tel:{NUMBER}",
        NUMBER,
        NUMBER[1:],
        f"timer:tel:{NUMBER}:10m:a1:3:1795000000000",
        f"whatsapp:{NUMBER[1:]}",
        "wamid." + b64encode(NUMBER[1:].encode()).decode(),
        f"https://bot:{SECRET}@127.0.0.1/x?from={NUMBER}",
    ],
)
def test_a_field_never_shows_a_whole_number_or_credentials(out: io.StringIO, field: str, value: str) -> None:
    logging.getLogger("vaiven").info("took in", extra={field: value})
    line = said(out)
    for hidden in (NUMBER, NUMBER[1:], NUMBER[2:], SECRET, b64encode(NUMBER[1:].encode()).decode()):
        assert hidden not in line


@pytest.mark.parametrize("written", ["+1 202 555 0147", "+1 (202) 555-0147", "12025550147", "202-555-0147", "+44 7700 900123"])
def test_a_message_never_shows_a_whole_number(out: io.StringIO, written: str) -> None:
    logging.getLogger("vaiven").error(f"cannot send to {written} now")
    line = said(out)
    assert f"cannot send to ..{written[-2:]} now" in line


def test_arguments_that_others_give_are_dropped(out: io.StringIO) -> None:
    logging.getLogger("some.library").error("cannot handle %s", WORDS)
    assert "cannot handle %s" in said(out)


def test_our_own_arguments_are_numbers_and_codes(out: io.StringIO) -> None:
    logging.getLogger("vaiven.turn").error("set aside: partition %d number %d: %s", 7, 12025550147, "too-many-takes")
    assert "set aside: partition 7 number ..47: too-many-takes" in said(out)


@pytest.mark.parametrize("words", [WORDS, ValueError(WORDS), [WORDS], {"text": WORDS}, WORDS.encode(), f"tel:{NUMBER} {WORDS}"])
def test_our_own_arguments_are_never_words(out: io.StringIO, words: object) -> None:
    logging.getLogger("vaiven.turn").warning("turn failed: %s, %s", "step", words)
    line = said(out)
    assert "turn failed: step, " in line
    assert "canary" not in line


@pytest.mark.parametrize("formatter", [logs.KeyValues(), logs.JsonLines()])
def test_arguments_that_do_not_fit_are_left_out(formatter: logging.Formatter) -> None:
    record = logging.LogRecord("vaiven.turn", logging.ERROR, __file__, 1, "%d votes", (WORDS,), None)
    assert "%d votes" in formatter.format(record)


def test_an_exception_gives_its_type_and_place_and_not_its_text(out: io.StringIO) -> None:
    try:
        int(WORDS + NUMBER)
    except ValueError:
        logging.getLogger("vaiven").exception("a turn failed", extra={"home": f"tel:{NUMBER}"})
    line = said(out)
    assert "ValueError" in line
    assert "test_logs.py" in line
    assert "canary" not in line
    assert NUMBER not in line


def test_our_own_errors_say_their_text_but_no_number(out: io.StringIO) -> None:
    try:
        try:
            raise OSError(WORDS)
        except OSError as error:
            raise StoreUnavailable(f"disk full while saving tel:{NUMBER}") from error
    except StoreUnavailable:
        logging.getLogger("vaiven").exception("refused")
    line = said(out)
    assert "StoreUnavailable<-OSError" in line
    assert "disk full while saving tel:" in line
    assert NUMBER not in line
    assert "canary" not in line


def test_the_second_line_of_a_message_is_dropped(out: io.StringIO) -> None:
    # asyncio writes a failed task's repr there, with the exception's text.
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{WORDS}')>")
    line = said(out)
    assert "never retrieved" in line
    assert "canary" not in line


def test_nothing_is_formatted_when_the_level_is_off() -> None:
    stream = io.StringIO()
    logs.setup("text", "warning", stream)

    class Loud:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    logging.getLogger("vaiven.runtime").info("turn", extra={"row": Loud()})
    assert stream.getvalue() == ""


def test_others_are_heard_from_warnings_up(out: io.StringIO) -> None:
    logging.getLogger("aiohttp.access").info("GET /hooks/sms 200")
    assert out.getvalue() == ""


def test_a_closed_stream_is_no_error_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    logs.setup("text", "info", stream)
    stream.close()
    logging.getLogger("vaiven").info("after", extra={"home": f"tel:{NUMBER}"})
    logging.getLogger("vaiven").info("error %s", SignatureMismatch(SECRET))
    assert capsys.readouterr() == ("", "")


def test_setting_up_twice_writes_once() -> None:
    stream = io.StringIO()
    logs.setup("text", "info", io.StringIO())
    logs.setup("json", "info", stream)
    logging.getLogger("vaiven").info("once")
    assert json.loads(said(stream))["message"] == "once"


@given(st.text(max_size=60), st.integers(min_value=1_000_000_000, max_value=999_999_999_999_999))
def test_no_number_survives_in_any_text(around: str, number: int) -> None:
    whole = f"+{number}"
    assert whole not in logs.scrub(f"{around} {whole} {around}")
