"""Numbers: figures in any script, with the marks of the listener's country, and words for the small ones.

What may be assumed: ``thousands`` or ``decimal``, for a mark before three digits that could be either (1.500), settled by the
locale.
"""

import re
from decimal import Decimal
from typing import Any, NamedTuple

from vaiven.flow.answers import Outside, Understood
from vaiven.flow.grammar import ExpressionError
from vaiven.flow.types import Asked, Listener
from vaiven.flow.types.bounds import bounded
from vaiven.flow.types.languages import words
from vaiven.flow.types.lexicon import MOST_WORDS, Lexicon, Token, lexicon, plain
from vaiven.flow.values import number

_SPACED = re.compile(r"(?<![\d.,' ])(\d{1,3}(?: \d{3})+)(?![\d']| \d)")
_FIGURE = re.compile(r"([+-]?)(\d[\d.,']*|[.,]\d+)")
_PLAIN = re.compile(r"\d{1,15}")
_EDGES = "#.,!?;:()[]\"'¡¿*…"
_CODES = "eur|usd|gbp|brl|chf|mxn|cad|aud|nzd|ars|cop|clp|pen|inr|jpy"
_PRICE = re.compile(rf"^(?:(?:r|us|mx|a|c|au|ca|nz)?[€$£¥₹](?:us|gb|ca|au|a|c)?|{_CODES})|(?:[€$£¥₹]|{_CODES})$")
_FRACTIONS = {"½": "5", "¼": "25", "¾": "75"}
_MOST = 10**15

# Words beside a number that make it another number, or none: "not 4", "more than 4", "half past 4", "4th".
_CHANGING = frozenset(
    plain(word) or word
    for word in words(
        "not no never dont than least most about around roughly approximately approx nearly almost over under maybe "
        "perhaps or to between minus plus half quarter past dozen dozens percent times first second third point except "
        "but from until before after am pm oclock up more less fewer either neither without if "
        "unless instead wait and et und y e max "
        "min minimum maximum más mas menos medio casi unos unas entre sin ni o u aproximadamente alrededor quizás "
        "quizas talvez tal nunca pero excepto maximo minimo las hasta desde cada cuarto media mitad docenas tampoco ninguno "
        "moins plus environ presque ou sans demi pas jamais peut être etre sauf jusqu jusqua entre vers autour mais ni aucun "
        "maximum minimum plutot mehr weniger ungefähr ungefaehr etwa fast zwischen oder nicht kein keine ohne halb uhr "
        "ca circa vielleicht aber bis außer ausser mindestens höchstens hoechstens maximal minimal rund hochstens "
        "hoechstens mindestens knapp uber unter mais menos quase cerca meia não nao sem ou talvez nunca mas uns umas "
        "maximo minimo exceto até ate entre nem più piu meno quasi tra fra mezza mezzo senza non o forse circa mai ma "
        "tranne fino ne alle as almeno massimo minimo oltre"
    )
)


class _Found(NamedTuple):
    value: Decimal
    assumed: tuple[str, ...] = ()


def decimal_mark(lang: str, country: str | None) -> str:
    """How the listener's country writes a broken number: ``.`` or ``,``."""
    language, *rest = lang.replace("_", "-").lower().split("-")
    region = next((part.upper() for part in rest if len(part) == 2), (country or "").upper())
    if language == "en":
        return "," if region == "ZA" else "."
    if region in _POINT_ANYWAY or (language == "es" and region in _POINT_IN_SPANISH):
        return "."
    return "," if language in _COMMA else "."


_COMMA = frozenset(
    words(
        "es fr de pt it nl pl ru uk cs sk sl hr sr bs bg ro hu tr el da sv nb nn no fi et lv lt is ca gl eu vi id az ka "
        "hy kk af sq mk be"
    )
)
_POINT_ANYWAY = frozenset(("CH", "LI"))
_POINT_IN_SPANISH = frozenset(words("MX US GT HN NI PA PE PR SV DO"))


def figure(word: str, mark: str, whole: bool = False) -> _Found | None:
    """1.234,56 and its like. ``mark`` is the decimal mark where either would do; ``whole``: thousands, where either would."""
    found = _FIGURE.fullmatch(word)
    if found is None or len(word) > 24:
        return None
    digits = found[2]
    if _PLAIN.fullmatch(digits):
        return _signed(found[1], digits)
    marks = re.findall(r"[.,']", digits)
    if not marks:
        return None
    last, kinds = marks[-1], set(marks)
    head, _, tail = digits.rpartition(last)
    if not head and len(marks) == 1 and last != "'":
        return None if whole else _signed(found[1], f"0.{tail}")
    if not head or not tail or len(kinds) > 2:
        return None
    if whole and last != "'" and (len(kinds) == 2 or (len(marks) == 1 and (len(tail) != 3 or len(head) > 3 or head[0] == "0"))):
        return None
    if len(kinds) == 2:
        group = next(one for one in kinds if one != last)
        return _signed(found[1], f"{head.replace(group, '')}.{tail}") if last != "'" and _grouped(head, group) else None
    if len(marks) > 1 or last == "'":
        return _signed(found[1], digits.replace(last, "")) if _grouped(digits, last) else None
    if len(tail) != 3 or len(head) > 3 or head[0] == "0":
        return _signed(found[1], f"{head}.{tail}")
    if whole:
        return _signed(found[1], head + tail)
    if last == mark:
        return _signed(found[1], f"{head}.{tail}", "decimal")
    return _signed(found[1], head + tail, "thousands")


def _grouped(digits: str, mark: str) -> bool:
    """Groups of three; in India also of two, but for the last."""
    first, *groups = digits.split(mark)
    if not first or len(first) > 3 or not groups or len(groups[-1]) != 3:
        return False
    return all(len(group) == 3 for group in groups) or (
        mark == "," and len(first) < 3 and all(len(group) == 2 for group in groups[:-1])
    )


def _signed(sign: str, digits: str, *assumed: str) -> _Found | None:
    value = Decimal(digits)
    return None if value >= _MOST else _Found(-value if sign == "-" else value, assumed)


class _Numbers:
    """``whole``: integers only."""

    def __init__(self, whole: bool) -> None:
        self._whole = whole

    def read(self, raw: str, asked: Asked) -> Understood | Outside | None:
        least, most = _bound(asked.minimum), _bound(asked.maximum)
        found = self._plain(raw) or self._find(raw, asked.listener)
        if found is None or (self._whole and found.value != found.value.to_integral_value()):
            return None
        value = int(found.value) if found.value == found.value.to_integral_value() else float(found.value)
        return bounded(value, value, raw, least, most, found.assumed)

    @staticmethod
    def _plain(raw: str) -> _Found | None:
        """Most answers: a few digits and nothing else."""
        return _Found(Decimal(raw)) if len(raw) <= 15 and raw.isascii() and raw.isdecimal() else None

    def _find(self, raw: str, listener: Listener) -> _Found | None:
        mark = decimal_mark(listener.lang, listener.country)
        if any(one in raw for one in _FRACTIONS):
            raw = self._broken(raw, mark)
        text = plain(raw)
        if not text:
            return None
        if any(one.isdecimal() for one in text):
            return self._in_figures(text, mark, listener.lang)
        own = lexicon(listener.lang)
        found = self._in_words(text, own)
        return found if found is not None or own.lang == "en" else self._in_words(text, lexicon("en"))

    def _broken(self, raw: str, mark: str) -> str:
        for sign, digits in _FRACTIONS.items():
            raw = re.sub(rf"(\d) ?{sign}", rf"\g<1>{mark}{digits}", raw).replace(sign, f"0{mark}{digits}")
        return raw

    def _in_figures(self, text: str, mark: str, lang: str) -> _Found | None:
        text = _SPACED.sub(lambda match: match[1].replace(" ", ""), text)
        words = [word for word in (_bare(part) for part in text.split()) if word]
        places = [place for place, word in enumerate(words) if any(one.isdecimal() for one in word)]
        if len(places) != 1 or len(words) > MOST_WORDS // 4:
            return None
        place = places[0]
        word, beside = words[place], words[:place]
        if not self._whole:
            word = _PRICE.sub("", word)
        own = lexicon(lang)
        found, rest = figure(word, mark, self._whole), words[place + 1 :]
        if found is None:
            found = self._with_unit(word, own, mark)
        if found is None:
            return None
        found, rest = self._grown(found, rest, own)
        return found if self._harmless(beside, own) and self._harmless(rest, own) else None

    def _harmless(self, words: list[str], own: Lexicon) -> bool:
        """No word that could change the number."""
        tokens, at = [Token(word, 0, False) for word in words], 0
        while at < len(tokens):
            beside = own.named(tokens, at, "beside")
            if beside and beside[0].end > at + 1:
                at = beside[0].end
            elif _harmless(words[at], own) or (not self._whole and _PRICE.fullmatch(words[at])):
                at += 1
            else:
                return False
        return True

    def _with_unit(self, word: str, own: Lexicon, mark: str) -> _Found | None:
        """80kg, 4pax: what is glued to the figure is a word that stands beside numbers."""
        cut = len(word.rstrip("abcdefghijklmnopqrstuvwxyz"))
        unit = word[cut:]
        found = figure(word[:cut], mark, self._whole)
        tokens = [Token(unit, 0, False)]
        if found is None or not unit:
            return None
        if times := own.named(tokens, 0, "times"):
            return _Found(found.value * times[0].value)
        return found if len(unit) > 1 and own.named(tokens, 0, "beside") else None

    @staticmethod
    def _grown(found: _Found, rest: list[str], own: Lexicon) -> tuple[_Found, list[str]]:
        """2 million, 4 hundred, 4 and a half."""
        if not rest:
            return found, rest
        tokens = [Token(word, 0, False) for word in rest]
        if times := own.named(tokens, 0, "times"):
            value = found.value * times[0].value
            return (_Found(value), rest[times[0].end :]) if value < _MOST else (found, rest)
        if half := own.named(tokens, 0, "half"):
            return _Found(found.value + Decimal("0.5")), rest[half[0].end :]
        return found, rest

    @staticmethod
    def _in_words(text: str, own: Lexicon) -> _Found | None:
        """Only among words we know: "one moment" and "the red one" are no numbers."""
        tokens = [token for token in own.cut(own.spaced(text)) if token.text not in _EDGES]
        if len(tokens) > MOST_WORDS // 2:
            return None
        found, at = None, 0
        while at < len(tokens):
            beside = own.named(tokens, at, "beside")
            tenths = own.named(tokens, at, "tenths")
            if tenths and found is None and own.numeral(tokens, at) is None:
                found, at = _Found(Decimal(tenths[0].value) / 10), tenths[0].end
                continue
            number_here = None if beside and beside[0].end > at + 1 else own.numeral(tokens, at)
            if number_here is not None:
                if found is not None:
                    return None
                found, at = _broken_words(number_here, tokens, own)
            elif beside:
                at = beside[0].end
            else:
                return None
        return found


def _broken_words(whole: tuple[int, int], tokens: list[Token], own: Lexicon) -> tuple[_Found, int]:
    """Two and a half, dos coma cinco."""
    value, at = Decimal(whole[0]), whole[1]
    if at < len(tokens):
        if half := own.named(tokens, at, "half"):
            return _Found(value + Decimal("0.5")), half[0].end
        point = own.named(tokens, at, "point")
        digits = own.numeral(tokens, point[0].end) if point and point[0].end < len(tokens) else None
        if digits is not None and digits[0] < 100:
            return _Found(Decimal(f"{whole[0]}.{digits[0]}")), digits[1]
    return _Found(value), at


def _bare(word: str) -> str:
    """A word without the marks around it; the point of .5 stays."""
    found = word.rstrip(_EDGES).lstrip("#,!?;:()[]\"'¡¿*…")
    return found if found[:1] == "." and found[1:2].isdecimal() else found.lstrip(".")


def _harmless(word: str, own: Lexicon) -> bool:
    letters = word.replace("'", "")
    return letters.isalpha() and letters not in _CHANGING and own.numeral([Token(letters, 0, False)], 0) is None


def _bound(bound: Any) -> int | float | None:
    if bound is None:
        return None
    try:
        return number(bound)
    except ExpressionError:
        raise ExpressionError(f"a bound is a number, not {bound!r}"[:80]) from None


READERS = {"integer": _Numbers(whole=True).read, "number": _Numbers(whole=False).read}
