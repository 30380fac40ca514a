"""``hours:`` of bot.yaml, as people write them, and what they are told when they are wrong."""

from datetime import date
from pathlib import Path

import pytest

from vaiven.edge.settings import read_settings
from vaiven.runtime.hours import Hours

NINE_TO_SIX = ((9 * 60, 18 * 60),)
NEVER: tuple[tuple[int, int], ...] = ()


def read(folder: Path, hours: str) -> tuple[dict[str, Hours], list[tuple[str, str]]]:
    """The hours, and text and cure of each problem."""
    (folder / "flows").mkdir(exist_ok=True)
    (folder / "flows" / "one.flow.yaml").write_text("flow: one\n")
    (folder / "bot.yaml").write_text(f"bot: b\nflows: flows\nchannels: {{phone: {{type: simulator}}}}\nhours: {hours}\n")
    settings, problems = read_settings(folder, {}, {})
    return dict(settings.hours) if settings is not None else {}, [(problem.text, problem.cure) for problem in problems]


def test_a_week_is_written_by_days_and_by_ranges_of_days(tmp_path: Path) -> None:
    hours, problems = read(tmp_path, '{desk: {mon-thu: "09:00-18:00", fri: "09:00-13:00, 22:00-02:00", sun-mon: "00:00-24:00"}}')
    assert problems == []
    friday = ((9 * 60, 13 * 60), (22 * 60, 2 * 60))
    all_day = ((0, 24 * 60),)
    assert hours == {"desk": Hours((all_day, NINE_TO_SIX, NINE_TO_SIX, NINE_TO_SIX, friday, NEVER, all_day))}


def test_dates_can_be_closed(tmp_path: Path) -> None:
    hours, problems = read(
        tmp_path, '{desk: {fri: "09:00-18:00", closed: [2026-12-25, "2027-01-01"]}, one: {closed: 2026-12-25}}'
    )
    assert problems == []
    assert hours["desk"] == Hours((NEVER,) * 4 + (NINE_TO_SIX, NEVER, NEVER), frozenset({date(2026, 12, 25), date(2027, 1, 1)}))
    assert hours["one"].closed == {date(2026, 12, 25)}


@pytest.mark.parametrize(
    ("written", "told", "cure"),
    [
        ('{desk: {mondays: "09:00-18:00"}}', "'mondays' names no days", "mon"),
        ('{desk: {mon-fry: "09:00-18:00"}}', "'mon-fry' names no days", "Did you mean 'fri'"),
        ('{desk: {mon: "9 to 6"}}', "'9 to 6' is no span of hours", "09:00-18:00"),
        ('{desk: {mon: "09:00-25:00"}}', "'09:00-25:00' is no span of hours", "09:00-18:00"),
        ('{desk: {mon: "09:00-14:00, 13:00-18:00"}}', "these hours overlap, or are not in order", "comes first"),
        ("{desk: {mon: 9}}", "'hours.desk.mon' must be a text", "09:00-18:00"),
        ("{desk: {closed: [christmas]}}", "'christmas' is no date", "2026-12-25"),
        ('{desk: "09:00-18:00"}', "'hours.desk' must be a map of `key: value`", ""),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(tmp_path: Path, written: str, told: str, cure: str) -> None:
    _, problems = read(tmp_path, written)
    ((text, what),) = problems
    assert text == told
    assert cure in what
