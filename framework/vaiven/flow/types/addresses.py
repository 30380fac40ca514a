"""E-mail and web addresses, alone or inside a sentence."""

import re
import unicodedata

from vaiven.flow.answers import Understood
from vaiven.flow.types import Asked
from vaiven.flow.types.languages import words

_MOST = 1600
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*\.[^\W\d_]{{2,24}}"
_EMAIL = re.compile(rf"(?<![\w.+%!#$&*/=?^{{|}}~@-])([\w.+%!#$&*/=?^{{|}}~'-]{{1,64}})@({_HOST})(?![\w@-]|\.\w)")
_AT = re.compile(r"@")
_URL = re.compile(
    rf"(?<![\w@./-])(https?://)?((?:{_HOST}|localhost|\d{{1,3}}(?:\.\d{{1,3}}){{3}})(?::\d{{1,5}})?)((?:[/?#]\S*)?)", re.I
)
_SCHEME = re.compile(r"\b([a-z][a-z0-9+.-]{1,15}):(?://)?(?=\S)", re.I)
_LAST_MARKS = ".,;:!?'\"»”’…"
_PAIRS = {")": "(", "]": "[", ">": "<", "}": "{"}
# Without a scheme or www it must end like an address: "ok.thanks" does not.
_ENDINGS = frozenset(
    words(
        "com org net edu gov mil int info biz name pro app dev shop store online site web blog tech cloud xyz club live "
        "art example test ac ad ae af ag ai al am ao ar at au az ba bb bd be bf bg bh bi bj bm bo br bs bt bw by bz ca "
        "cat cc cd cg ch ci cl cm cn co cr cu cv cy cz de dj dk dm do dz ec ee eg es et eu fi fj fm fo fr ga gd ge gg gh "
        "gi gl gm gr gt gy hk hn hr ht hu id ie il im in iq ir is it je jm jo jp ke kg kh ki km kr kw ky kz la lb lc li "
        "lk lt lu lv ly ma mc md me mg mk ml mm mn mo mt mu mv mw mx my mz na ne ng ni nl no np nz om pa pe pg ph pk pl "
        "pm pr ps pt pw py qa re ro rs ru rw sa sc sd se sg si sk sm sn so sr st su sv sy tc td tg th tj tk tl tm tn to "
        "tr tt tv tw tz ua ug uk us uy uz va vc ve vi vn vu ws ye za zm zw"
    )
)


def _clean(raw: str) -> str | None:
    if len(raw) > _MOST:
        return None
    return (
        raw if raw.isascii() else "".join(one for one in unicodedata.normalize("NFKC", raw) if unicodedata.category(one) != "Cf")
    )


def _read_email(raw: str, _asked: Asked) -> Understood | None:
    """The one e-mail address in the text, its domain in small letters. Two different ones are none."""
    text = _clean(raw)
    if text is None or "@" not in text:
        return None
    text = re.sub(r"\bmailto:", " ", text, flags=re.I)
    matches = list(_EMAIL.finditer(text))
    found = {f"{_local(match[1])}@{match[2].lower()}" for match in matches}
    if len(found) != 1 or len(matches) != len(_AT.findall(text)):
        return None
    value = found.pop()
    local = value.partition("@")[0]
    if not local or local[0] == "." or local[-1] == "." or ".." in value or len(value) > 254:
        return None
    return Understood(value, raw)


def _local(text: str) -> str:
    return text.lstrip("'*").rstrip("'*")


def _read_url(raw: str, _asked: Asked) -> Understood | None:
    """The one web address in the text. ``https`` is assumed where none is written; other schemes are no answer."""
    text = _clean(raw)
    if text is None or ("." not in text and "://" not in text):
        return None
    if any(scheme.lower() not in ("http", "https") for scheme in _schemes(text)):
        return None
    found = {}
    for match in _URL.finditer(text):
        if (value := _url(match, text)) is not None:
            found[value] = match[1] is not None
    if len(found) != 1:
        return None
    value, written = found.popitem()
    return Understood(value, raw, assumed=() if written else ("https",))


def _url(match: re.Match[str], text: str) -> str | None:
    scheme, host, path = match[1], match[2].lower(), match[3] or ""
    if not path and text[match.end() : match.end() + 1] == "@":
        return None
    name = host.partition(":")[0]
    if scheme is None and not name.startswith("www.") and name.rpartition(".")[2] not in _ENDINGS:
        return None
    if scheme is None and name.replace(".", "").isdecimal():
        return None
    if name.replace(".", "").isdecimal() and any(int(part) > 255 for part in name.split(".")):
        return None
    return f"{(scheme or 'https://').lower()}{host}{_trimmed(path)}"


def _schemes(text: str) -> list[str]:
    return [
        match[1] for match in _SCHEME.finditer(text) if "://" in match[0] or match[1].lower() in ("javascript", "data", "file")
    ]


def _trimmed(path: str) -> str:
    """Without the marks of the sentence around it: a bracket closes the address only if it was opened in it."""
    while path:
        last = path[-1]
        if last in _LAST_MARKS or (last in _PAIRS and path.count(last) > path.count(_PAIRS[last])):
            path = path[:-1]
        else:
            break
    return path


READERS = {"email": _read_email, "url": _read_url}
