"""What a call asks for, made from the values of a conversation: URLs, headers, JSON, arguments.

Values are data wherever they stand: in a URL they are percent-encoded and can neither choose the host nor climb up the path.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from vaiven.flow.expressions import Answer, ExpressionError
from vaiven.flow.filters import Locale, show
from vaiven.flow.templates import Piece, Template
from vaiven.flow.verbs import Group, HttpTarget
from vaiven.model.calls import HttpCall

MAX_URL = 8_000
MAX_BODY = 256 * 1024
_MACHINE = Locale()
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+[/?#]")

Scope = Mapping[str, Any]


def http_call(target: HttpTarget, scope: Scope) -> HttpCall:
    """The request, complete. Raises ExpressionError if a value fails or does not fit where it stands."""
    headers = [(name, _header(name, text_of(template, scope))) for name, template in target.headers]
    body = None
    if target.json is not None:
        body = msgspec.json.encode(filled(target.json, scope))
        if len(body) > MAX_BODY:
            raise ExpressionError(f"the JSON of a call has at most {MAX_BODY} bytes")
        if all(name.lower() != "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
    address = url_of(target.url, scope)
    asked = "&".join(_query(name, template.value(scope)) for name, template in target.query if template.value(scope) is not None)
    if asked:
        address, _, fragment = address.partition("#")
        address = f"{address}{'&' if '?' in address else '?'}{asked}{'#' * bool(fragment)}{fragment}"
    if len(address) > MAX_URL:
        raise ExpressionError(f"a URL has at most {MAX_URL} characters")
    return HttpCall(target.method, address, tuple(headers), body)


def url_of(template: Template, scope: Scope) -> str:
    """The URL, its values percent-encoded. Scheme and host come only from the text itself and from ``params``.

    Raises ExpressionError, also for a value in the path that is empty or a step up (``..``): it would name something else.
    """
    found = ""
    for piece in template.pieces:
        if isinstance(piece, str):
            found += piece
        elif _AUTHORITY.match(found) is None:
            found += _of_params(piece, scope)
        else:
            found += _encoded(piece, scope, in_path="?" not in found and "#" not in found)
    return found


def _of_params(piece: Piece, scope: Scope) -> str:
    if not all(name.partition(".")[0] == "params" for name in piece.names):
        raise ExpressionError("the scheme and host of a URL come only from params", 0, "as {params.api}/slots/{id}")
    return piece.render(scope, _MACHINE)


def _encoded(piece: Piece, scope: Scope, in_path: bool) -> str:
    value = piece.render(scope, _MACHINE)
    if in_path and value in ("", ".", ".."):
        raise ExpressionError(f"'{value}' cannot stand in the path of a URL")
    return quote(value, safe="")


def _query(name: str, value: Any) -> str:
    values = value if isinstance(value, list | tuple) else [value]
    return "&".join(f"{quote(name, safe='')}={quote(_text(one), safe='')}" for one in values)


def _header(name: str, value: str) -> str:
    if any(character < " " or character == "\x7f" for character in value):
        raise ExpressionError(f"the header {name} has a control character in it")
    return value


def text_of(template: Template, scope: Scope) -> str:
    """The text for a machine: numbers, days and instants as JSON has them, in no language. Raises ExpressionError."""
    return _text(template.value(scope))


def _text(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    found = plain(value)
    return found if isinstance(found, str) else show(found, _MACHINE)


def filled(leaf: "Template | Group | Any", scope: Scope) -> Any:
    """A value of a call as JSON has it: a text that is exactly one ``{…}`` keeps its type. Raises ExpressionError."""
    if isinstance(leaf, Template):
        return plain(leaf.value(scope))
    if not isinstance(leaf, Group):
        return leaf
    if leaf.is_list:
        return [filled(item, scope) for _, item in leaf.items]
    return {str(name): filled(item, scope) for name, item in leaf.items}


def arguments_of(pairs: Sequence[tuple[str, "Template | Group | Any"]], scope: Scope) -> dict[str, Any]:
    """Named values. Raises ExpressionError."""
    return {name: filled(leaf, scope) for name, leaf in pairs}


def plain(value: Any) -> Any:
    """A value as JSON has it: days and instants as ISO text, a duration in seconds."""
    match value:
        case Answer():
            return plain(value.get("value"))
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
    return value
