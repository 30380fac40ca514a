"""What a provider's refusal means, where its own error table says nothing more."""

from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from math import isfinite

import msgspec

from vaiven.channels.contract import Outcome, ProviderResponse, Result

LONGEST_WAIT_S = 86_400.0

Errors = Mapping[int, Outcome]


def error_table(word: str, rows: Iterable[tuple[Outcome, Iterable[int]]]) -> dict[int, Outcome]:
    """Outcomes by error code; each gets the reason ``<word>:<code>``."""
    return {code: msgspec.structs.replace(outcome, reason=f"{word}:{code}") for outcome, codes in rows for code in codes}


def refused(word: str, errors: Errors, code: int | None, response: ProviderResponse) -> Outcome:
    """The outcome of an answer that is no yes. The provider's code goes before the HTTP status; its Retry-After before ours."""
    known = errors.get(code) if code is not None else None
    after_s = retry_after_s(response.headers)
    if known is not None:
        return known if after_s is None else msgspec.structs.replace(known, after_s=after_s)
    reason = f"{word}:http_{response.status}" if code is None else f"{word}:{code}"
    return Outcome(_by_status(response.status, after_s is not None), reason=reason, after_s=after_s)


def _by_status(status: int, names_a_time: bool) -> Result:
    if status == 429:
        return Result.THROTTLED
    if status in (401, 403, 404, 405) or 300 <= status < 400:
        return Result.CONFIG
    if status == 503 and names_a_time:
        # Told when to come back, we were turned away; any other 5xx may have gone through.
        return Result.RETRY
    if 400 <= status < 500 and status != 408:
        return Result.REJECTED
    return Result.AMBIGUOUS


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that ``Retry-After`` asks for, 0 to a day; a date counts from the answer's own ``Date``."""
    told = headers.get("retry-after") or headers.get("Retry-After")
    if not told:
        return None
    try:
        seconds = float(told)
    except ValueError:
        seconds = _until(told, headers.get("date") or headers.get("Date") or "")
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if isfinite(seconds) else None


def _until(then: str, now: str) -> float:
    try:
        return (parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return float("nan")
