"""The text format, read back by a strict parser of its own."""

import math
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.edge.metrics import Metrics, road
from vaiven.edge.status import Crew, Status
from vaiven.stores.contract import Counts, Held, Lag, Role

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)\Z")
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|\Z)')
_VALUE = re.compile(r"[+-]Inf|NaN|-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?\Z")


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels; raises AssertionError on anything that the format does not allow."""
    assert text.endswith("\n") or not text
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    kinds: dict[str, str] = {}
    family, helped = "", set()
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            family, _, help_text = line[7:].partition(" ")
            assert family not in helped, "one HELP a family, its samples together"
            assert help_text
            helped.add(family)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == family
            assert kind in ("counter", "gauge")
            kinds[name] = kind
        else:
            found = _SAMPLE.match(line)
            assert found, line
            name = found["name"]
            assert name == family, line
            labels, inside = [], found["labels"] or ""
            while inside:
                pair = _PAIR.match(inside)
                assert pair, line
                labels.append((pair[1], re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), pair[2])))
                inside = inside[pair.end() :]
            assert len({label for label, _ in labels}) == len(labels), line
            key = (name, tuple(labels))
            assert key not in samples, "a sample stands once"
            assert _VALUE.match(found["value"]), line
            samples[key] = float(found["value"].replace("Inf", "inf").replace("NaN", "nan"))
    return samples


def test_counters_and_gauges() -> None:
    metrics = Metrics()
    accepted = metrics.counter("events_total", "Events.", ("channel",))
    accepted.set(4, "sms")
    accepted.set(5, "sms")
    accepted.set(1, "wa")
    metrics.gauge("waiting", "Waiting.").set(2.5)
    assert read(metrics.render()) == {
        ("events_total", (("channel", "sms"),)): 5,
        ("events_total", (("channel", "wa"),)): 1,
        ("waiting", ()): 2.5,
    }


def test_the_format_as_it_is_written() -> None:
    metrics = Metrics()
    metrics.gauge("b_seconds", "Time to\nanswer.").set(7)
    metrics.counter("a_total", "A.", ("x", "y")).set(1, 'quo"te', "back\\slash\nline")
    assert metrics.render() == (
        "# HELP a_total A.\n"
        "# TYPE a_total counter\n"
        'a_total{x="quo\\"te",y="back\\\\slash\\nline"} 1\n'
        "# HELP b_seconds Time to\\nanswer.\n"
        "# TYPE b_seconds gauge\n"
        "b_seconds 7\n"
    )


def test_one_without_labels_is_there_at_zero() -> None:
    metrics = Metrics()
    metrics.counter("turns_total", "Turns.")
    assert read(metrics.render()) == {("turns_total", ()): 0}


def test_a_name_is_declared_once() -> None:
    metrics = Metrics()
    metrics.counter("turns_total", "Turns.")
    with pytest.raises(ValueError, match="declared already"):
        metrics.gauge("turns_total", "Turns.")


@pytest.mark.parametrize("name", ["", "1st", "with space", "with-dash", "new\nline", "ünicode"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no metric name"):
        Metrics().counter(name, "Wrong.")


@pytest.mark.parametrize("label", ["", "le", "__name__", "a-b", "a:b"])
def test_a_wrong_label_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="no label name"):
        Metrics().counter("right", "Right.", (label,))


def test_the_number_of_label_values_must_fit() -> None:
    family = Metrics().counter("sends_total", "Sends.", ("channel", "result"))
    with pytest.raises(ValueError, match="labels"):
        family.set(1, "sms")


@given(st.text(min_size=0, max_size=30), st.text(max_size=30).filter(lambda text: bool(text.strip())))
def test_any_label_and_help_text_survives(value: str, help_text: str) -> None:
    metrics = Metrics()
    metrics.counter("a_total", "-" + help_text, ("label",)).set(1, value)
    assert read(metrics.render()) == {("a_total", (("label", value),)): 1}


@pytest.mark.parametrize("value", [0, 1, -3, 0.25, 1e21, 1e-9, math.inf, -math.inf])
def test_any_number_can_be_read(value: float) -> None:
    metrics = Metrics()
    metrics.gauge("g", "G.").set(value)
    assert read(metrics.render()) == {("g", ()): value}


def test_nan_is_written_as_the_format_wants() -> None:
    metrics = Metrics()
    metrics.gauge("g", "G.").set(math.nan)
    assert metrics.render().endswith("g NaN\n")


def test_the_numbers_of_the_road() -> None:
    counted = Counter({("accepted", "sms"): 7, ("votes", "final", "counted"): 5, ("votes", "final", "capped"): 1})
    counts = Counts(2, 1_000, {"queued": 3, "held": 1, "unknown": 7}, 4, 0, {"otp": 1, "reply": 3})
    held = [Held(Role.TURN, partition, "a", 1, 9_000) for partition in (0, 1, 3)]
    status = Status(4, 3_500, counts, [Lag(2, 2, 1_000)], Crew({Role.TURN: ["a", "b"], Role.SEND: []}, held))
    samples = read(road(counted, status).render())
    assert samples == {
        ("vaiven_accepted_total", (("channel", "sms"),)): 7,
        ("vaiven_votes_total", (("poll", "final"), ("outcome", "counted"))): 5,
        ("vaiven_votes_total", (("poll", "final"), ("outcome", "capped"))): 1,
        ("vaiven_inbox_waiting", ()): 2,
        ("vaiven_oldest_unapplied_seconds", ()): 2.5,
        ("vaiven_outbox_rows", (("state", "queued"),)): 3,
        ("vaiven_outbox_rows", (("state", "held"),)): 1,
        ("vaiven_outbox_rows", (("state", "unknown"),)): 7,
        ("vaiven_outbox_backlog", (("class", "otp"),)): 1,
        ("vaiven_outbox_backlog", (("class", "reply"),)): 3,
        ("vaiven_partitions", ()): 4,
        ("vaiven_partitions_waiting", ()): 1,
        ("vaiven_partitions_owned", (("role", "turn"),)): 3,
        ("vaiven_partitions_owned", (("role", "send"),)): 0,
        ("vaiven_processes", (("role", "turn"),)): 2,
        ("vaiven_processes", (("role", "send"),)): 0,
        ("vaiven_timers", ()): 4,
        ("vaiven_dead_letters", ()): 0,
    }


def test_what_waits_is_left_out_while_the_store_cannot_answer() -> None:
    text = road({("accepted", "sms"): 1}, None).render()
    assert "vaiven_inbox_waiting" not in text
    assert read(text) == {("vaiven_accepted_total", (("channel", "sms"),)): 1}


def test_a_number_that_nobody_declared_is_an_error() -> None:
    with pytest.raises(KeyError):
        road({("acceptd", "sms"): 1}, None)
