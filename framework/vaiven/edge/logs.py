"""Logs, one line a record: what happened, then fields from an allow-list. They carry ids, never words or whole numbers.

Rooms log with the standard library: ``log.info("turn refused", extra={"home": home, "reason": "moved"})``. What a line may say
is decided here, once: the message as our code wrote it, with arguments that are numbers or codes, and the fields named in
``FIELDS``. Addresses are masked. Messages of others come without their arguments. An exception gives its type and where it rose;
its text only when it is ours, since others quote what they choked on.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from traceback import extract_tb
from typing import IO, Any

from vaiven.model.errors import VaivenError
from vaiven.model.urns import mask

FORMATS = ("text", "json")

FIELDS = frozenset(
    {
        "address", "age_s", "attempt", "attempts", "batch", "bot", "channel", "code", "count", "detail", "effects",
        "epoch", "event", "file", "flow", "from_state", "home", "host", "id", "inbox", "kind", "limit", "method",
        "number", "option", "oldest_s", "outcome", "owner", "partition", "partitions", "path", "pid", "poll", "port",
        "provider_id", "reason", "result", "role", "route", "row", "rows", "seconds", "session", "signal", "size",
        "state", "status", "step", "store", "takes", "timers", "took_ms", "turn", "turns", "url", "version",
        "waiting", "what",
    }
)  # fmt: skip
"""What a line may bear besides its message. A field that is not among these is left out."""

_ADDRESSES = frozenset({"home", "address"})
_HIDDEN = re.compile(
    r"(?P<userinfo>//[^/@\s]*@)"
    r"|(?P<urn>\b(?:tel|whatsapp|messenger|telegram|short|alpha):\+?[^\s:/?#,;|]+)"
    r"|(?P<whatsapp_id>\bwamid\.[\w+/=-]+)"
    r"|(?P<number>(?<![\w-])\+?\d[\d ().-]{5,}\d(?![\w-]))"
)
_SCHEME = re.compile(r"[a-z]{2,12}:")
_CODE = re.compile(r"[\w.:/@+~<>=&%,*-]{0,200}\Z", re.ASCII)
_PLACES = 12


def scrub(text: str) -> str:
    """The text with everything that could be a person's number made unreadable, and no credentials in its addresses."""
    return _HIDDEN.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "userinfo":
            return "//"
        case "urn":
            return mask(found[0])
        case "whatsapp_id":  # It is base64 with the person's number inside.
            return "wamid." + blake2b(found[0].encode(), digest_size=4).hexdigest()
        case _:
            return f"..{found[0][-2:]}"


def _value(name: str, value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    if name in _ADDRESSES:
        # Without a scheme, mask would take the whole of it for one.
        return mask(text if _SCHEME.match(text) else f"urn:{text}")
    text = scrub(text)
    return text if _CODE.match(text) else "(words)"


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in record.__dict__.items():
        if name in FIELDS:
            yield name, _value(name, value)


def _raised(error: BaseException) -> Iterator[tuple[str, Any]]:
    names, cause = [type(error).__name__], error.__cause__
    while cause is not None and len(names) < _PLACES:
        names.append(type(cause).__name__)
        cause = cause.__cause__
    yield "error", "<-".join(names)
    if isinstance(error, VaivenError):
        yield "says", scrub(str(error).partition("\n")[0])
    frames = extract_tb(error.__traceback__, limit=-_PLACES)
    yield "trace", "<".join(f"{_module(frame.filename)}:{frame.lineno}:{frame.name}" for frame in reversed(frames))


def _module(filename: str) -> str:
    parts = filename.replace("\\", "/").rsplit("/", 2)
    return "/".join(parts[-2:])


def _message(record: logging.LogRecord) -> str:
    told = str(record.msg)
    if record.args and record.name.partition(".")[0] == "vaiven" and isinstance(record.args, tuple):
        with suppress(TypeError, ValueError):  # arguments that do not fit: the message as it was written
            told = told % tuple(_argument(each) for each in record.args)
    # Only the first line: asyncio writes the repr of a failed task, with its exception's text, under it.
    return scrub(told.partition("\n")[0])


def _argument(value: object) -> object:
    if isinstance(value, VaivenError):
        return str(value).partition("\n")[0]
    return type(value).__name__ if isinstance(value, BaseException) else _value("", value)


def _line(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name.removeprefix("vaiven."),
        "message": _message(record),
    }
    line.update(_fields(record))
    if record.exc_info and record.exc_info[1] is not None:
        line.update(_raised(record.exc_info[1]))
    return line


class JsonLines(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_line(record))


class KeyValues(logging.Formatter):
    """A record as ``key=value`` pairs; a value with a space in it is quoted as JSON does."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{name}={_plain(value)}" for name, value in _line(record).items())


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    text = str(value)
    return text if _CODE.match(text) and text and "=" not in text else json.dumps(text)


class _Handler(logging.StreamHandler[Any]):
    def emit(self, record: logging.LogRecord) -> None:
        # The standard one, when it cannot write, prints the record's arguments, which may be words. Such a line is lost instead.
        try:
            self.stream.write(f"{self.format(record)}\n")
            self.flush()
        except (OSError, ValueError):
            return


def setup(format: str = "text", level: str = "info", stream: IO[str] | None = None) -> None:
    """Send every log line to ``stream`` (default: standard error) in one of ``FORMATS``.

    ``level`` is for our own loggers; others speak from warnings up. Calling it again replaces what was set before.
    """
    handler = _Handler(stream)
    handler.setFormatter(JsonLines() if format == "json" else KeyValues())
    root = logging.getLogger()
    for old in [held for held in root.handlers if isinstance(held, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("vaiven").setLevel(level.upper())
    # Not in our lines, and asked for on every record otherwise.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
