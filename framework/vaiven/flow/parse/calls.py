"""The verb ``call``: an HTTP request, a registered action, or a word to a resource."""

import re
from typing import Any

from vaiven.flow.document import ActionTarget, Call, Group, HttpTarget, ResourceTarget, Route, Verb
from vaiven.flow.parse import routes
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.source import Entry, Node, Scalar, Sequence
from vaiven.flow.source import Mapping as Map
from vaiven.flow.templates import Piece, Template

METHODS = ("get", "post", "put", "patch", "delete")
KEYS = ("with", "query", "json", "headers", "key", "timeout", "retries", "meanwhile", "fail")
DEFAULT_MS = 10_000
LONGEST_MS = 300_000
MOST_RETRIES = 10
_HTTP = ("query", "json", "headers")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key", "te", "trailer", "upgrade"})
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OURS_VALUE, _THEIRS = "\1", "\2"
"""Stand in an address for a value of ``params`` and for any other."""
_HOST = re.compile(r"[\w.:\[\]\1-]+")
_STEP = re.compile(r"[a-z][a-z0-9_]*")
_SHAPES = 'Write `call: {get: "{params.api}/path"}`, `call: action.name`, or `call: {resource: name, of: "{key}", do: word}`.'


def call(reader: Reader, node: Node, fields: Fields) -> Verb | None:
    target = _target(reader, node, fields)
    timeout = reader.optional(fields, "timeout", reader.span)
    if timeout is not None and timeout > LONGEST_MS:
        reader.problem("bad-duration", fields["timeout"].value, "a call runs for 5 minutes at most", "Write `timeout: 8s`.")
    retries = _retries(reader, fields["retries"].value) if "retries" in fields else 0
    key = reader.optional(fields, "key", reader.template)
    meanwhile = _meanwhile(reader, fields["meanwhile"].value) if "meanwhile" in fields else None
    with reader.offering(routes.RESULT):
        fail = routes.route(reader, fields["fail"].value, "fail") if "fail" in fields else None
    return None if target is None else Call(target, key, timeout or DEFAULT_MS, retries, meanwhile, fail)


def _retries(reader: Reader, node: Node) -> int:
    found = reader.integer(node, "`retries`", 0) or 0
    if found > MOST_RETRIES:
        reader.problem("wrong-type", node, f"`retries` is at most {MOST_RETRIES}", "Who waits that long has gone.")
    return found


def _meanwhile(reader: Reader, node: Node) -> Route | None:
    """``hold``, a step, a text, or a route. One small word is a step."""
    if not isinstance(node, Scalar):
        return routes.route(reader, node, "meanwhile", may_stay=True)
    if node.raw.strip() == "hold":
        return None
    if _STEP.fullmatch(node.raw.strip()):
        return routes.route(reader, node, "meanwhile")
    said = routes.parts(reader, node, "`meanwhile`")
    return Route(node.at, say=said) if said else None


def _target(reader: Reader, node: Node, fields: Fields) -> HttpTarget | ActionTarget | ResourceTarget | None:
    if isinstance(node, Scalar):
        _not_with(reader, fields, _HTTP, "an action takes its values by `with`")
        name = reader.dotted(node, "an action")
        given = _named_values(reader, fields["with"].value, "`with`") if "with" in fields else ()
        return None if name is None else ActionTarget(name, given)
    entries = reader.mapping(node, "`call`")
    words = [entry.key for entry in entries if entry.key.raw in METHODS or entry.key.raw == "resource"]
    if len(words) == 1 and words[0].raw == "resource":
        return _resource(reader, entries, fields)
    if len(words) == 1:
        return _http(reader, words[0], entries, fields)
    known = reader.known(entries, "a call", (*METHODS, *_HTTP, "resource", "of", "do", "with"))
    if isinstance(node, Map) and len(known) == len(entries):
        text = "this call has two targets" if words else "this call does not say what is called"
        reader.problem("bad-call", words[1] if words else node, text, _SHAPES)
    return None


def _not_with(reader: Reader, fields: Fields, keys: tuple[str, ...], why: str) -> None:
    for key in keys:
        if key in fields:
            reader.problem("misplaced-key", fields[key].key, f"`{key}` has no meaning here: {why}", "Remove it.")


def _beside(reader: Reader, inner: Fields, fields: Fields, keys: tuple[str, ...]) -> Fields:
    """What a call is given stands in its map or beside it, not in both."""
    found = dict(inner)
    for key in keys:
        if key in fields and key in inner:
            reader.problem("duplicate-key", fields[key].key, f"`{key}` stands in `call` and beside it", "Keep one of the two.")
        elif key in fields:
            found[key] = fields[key]
    return found


def _http(reader: Reader, word: Scalar, entries: tuple[Entry, ...], fields: Fields) -> HttpTarget | None:
    _not_with(reader, fields, ("with",), "a request takes `query`, `json` and `headers`")
    own = _beside(reader, reader.known(entries, "a request", (word.raw, *_HTTP)), fields, _HTTP)
    if word.raw == "get" and "json" in own:
        cure = "Put its values into `query`, or write `post`."
        reader.problem("misplaced-key", own["json"].key, "a `get` sends no `json`", cure)
    where = own[word.raw].value
    url = reader.template(where, f"`{word.raw}`")
    if url is not None:
        _safe(reader, where, url)
    query = _texts(reader, own["query"].value, "`query`") if "query" in own else ()
    headers = _headers(reader, own["headers"].value) if "headers" in own else ()
    json = value(reader, own["json"].value, "`json`") if "json" in own else None
    return None if url is None else HttpTarget(word.raw.upper(), url, query, headers, json)


def _safe(reader: Reader, node: Node, url: Template) -> None:
    """Scheme and host are written here or come from ``params``: nothing that people type chooses whom we call."""
    shape = (piece if isinstance(piece, str) else _OURS_VALUE if _of_params(piece) else _THEIRS for piece in url.pieces)
    scheme, host = _scheme_and_host("".join(shape))
    if _THEIRS in scheme + host:
        cure = 'Put them into `params`, and what people type behind them: "{params.api}/orders/{order_no}".'
        reader.problem("bad-url", node, "scheme and host of a call come from a value that is no param", cure)
    elif not _HOST.fullmatch(host) or (scheme not in ("http", "https", _OURS_VALUE) and (scheme or host[0] != _OURS_VALUE)):
        cure = 'Write "{params.api}/path", and `params: {api: "https://api.example.com"}`.'
        reader.problem("bad-url", node, "a call needs an address with a scheme and a host, and no password in it", cure)


def _of_params(piece: Piece) -> bool:
    return bool(piece.names) and all(name.startswith("params.") for name in piece.names)


def _scheme_and_host(url: str) -> tuple[str, str]:
    scheme, mark, rest = url.partition("://")
    if not mark or re.search(r"[/?#]", scheme):
        scheme, rest = "", url
    return scheme, re.split(r"[/?#]", rest, maxsplit=1)[0]


def _texts(reader: Reader, node: Node, what: str) -> tuple[tuple[str, Template], ...]:
    read = ((entry.key.raw, reader.template(entry.value, f"'{entry.key.raw}'")) for entry in reader.mapping(node, what))
    return tuple((name, text) for name, text in read if text is not None)


def _headers(reader: Reader, node: Node) -> tuple[tuple[str, Template], ...]:
    for entry in reader.mapping(node, "`headers`") if isinstance(node, Map) else ():
        name = entry.key.raw
        if not _HEADER.fullmatch(name):
            reader.problem("bad-header", entry.key, f"'{name}' is no name of a header", "Letters, digits and -.")
        elif name.lower() in _OURS:
            cure = "Write `key:` beside the call." if name.lower() == "idempotency-key" else "Remove it."
            reader.problem("bad-header", entry.key, f"the header '{name}' is set by the client itself", cure)
    return _texts(reader, node, "`headers`")


def _resource(reader: Reader, entries: tuple[Entry, ...], fields: Fields) -> ResourceTarget | None:
    _not_with(reader, fields, _HTTP, "a resource takes its values by `with`")
    _not_with(reader, fields, ("key", "retries"), "what a resource is told arrives once")
    own = _beside(reader, reader.known(entries, "a call of a resource", ("resource", "of", "do", "with")), fields, ("with",))
    for key in ("of", "do"):
        if key not in own:
            reader.problem("missing-key", own["resource"].key, f"a call of a resource needs `{key}`", _SHAPES)
    name = reader.name(own["resource"].value, "a resource")
    if name == "queue":
        cure = "Its queues of people are the bot's own: `handoff: support` leads to one."
        reader.problem("bad-name", own["resource"].value, "no resource is named 'queue'", cure)
    of = reader.optional(own, "of", reader.template)
    do = reader.dotted(own["do"].value, "what a resource is told") if "do" in own else None
    given = _named_values(reader, own["with"].value, "`with`") if "with" in own else ()
    return None if name is None or of is None or do is None else ResourceTarget(name, of, do, given)


def _named_values(reader: Reader, node: Node, what: str) -> tuple[tuple[str, Any], ...]:
    return tuple((entry.key.raw, value(reader, entry.value, f"'{entry.key.raw}'")) for entry in reader.mapping(node, what))


def value(reader: Reader, node: Node, what: str) -> Any:
    """JSON with texts in it: a template, a plain value, or a group of such."""
    if isinstance(node, Scalar):
        plain = not isinstance(node.value, str) or not node.raw
        return node.value if plain else reader.template(node, what)
    if isinstance(node, Sequence):
        return Group(tuple((None, value(reader, item, f"an item of {what}")) for item in node.items), is_list=True)
    return Group(tuple((entry.key.raw, value(reader, entry.value, f"'{entry.key.raw}'")) for entry in node.entries))
