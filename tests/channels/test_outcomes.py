"""Refusals that no table knows, and waits."""

import pytest

from vaiven.channels.contract import Outcome, ProviderResponse, Result
from vaiven.channels.outcomes import error_table, refused, retry_after_s

ERRORS = error_table(
    "x", [(Outcome(Result.BAD_RECIPIENT, temporary=True), (7, 8)), (Outcome(Result.THROTTLED, after_s=60.0), (9,))]
)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("99999999", 86_400.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("1" * 5000, None),
        ("Sat, 05 Dec 2026 20:00:30 GMT", 30.0),
        ("Sat, 05 Dec 2026 19:59:30 GMT", 0.0),
    ],
)
def test_the_wait_that_is_asked_for(told: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": told, "date": "Sat, 05 Dec 2026 20:00:00 GMT"}) == seconds
    assert retry_after_s({"Retry-After": told, "Date": "Sat, 05 Dec 2026 20:00:00 GMT"}) == seconds


def test_a_date_without_a_date_says_nothing() -> None:
    assert retry_after_s({"retry-after": "Sat, 05 Dec 2026 20:00:30 GMT"}) is None
    assert retry_after_s({"retry-after": "Sat, 05 Dec 2026 20:00:30", "date": "Sat, 05 Dec 2026 20:00:00 GMT"}) is None


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, Result.AMBIGUOUS),
        (302, Result.CONFIG),
        (400, Result.REJECTED),
        (401, Result.CONFIG),
        (403, Result.CONFIG),
        (404, Result.CONFIG),
        (405, Result.CONFIG),
        (408, Result.AMBIGUOUS),
        (422, Result.REJECTED),
        (429, Result.THROTTLED),
        (500, Result.AMBIGUOUS),
        (502, Result.AMBIGUOUS),
        (503, Result.AMBIGUOUS),
        (504, Result.AMBIGUOUS),
    ],
)
def test_without_a_code_the_status_decides(status: int, result: Result) -> None:
    assert refused("x", ERRORS, None, ProviderResponse(status, {}, b"")) == Outcome(result, reason=f"x:http_{status}")


def test_the_code_goes_before_the_status_and_the_header_before_our_wait() -> None:
    assert refused("x", ERRORS, 7, ProviderResponse(500, {}, b"")) == Outcome(Result.BAD_RECIPIENT, reason="x:7", temporary=True)
    assert refused("x", ERRORS, 9, ProviderResponse(400, {}, b"")).after_s == 60.0
    assert refused("x", ERRORS, 9, ProviderResponse(400, {"retry-after": "5"}, b"")).after_s == 5.0
    assert refused("x", ERRORS, 10, ProviderResponse(400, {}, b"")) == Outcome(Result.REJECTED, reason="x:10")
