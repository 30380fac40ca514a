"""Several choices at once: "1, 3 and the last", "anna + bea", "2-4", "all but the first"."""

import re
from collections.abc import Iterator

from vaiven.flow.answers import Ambiguous, Outside, Prepared, Understood
from vaiven.flow.folding import fold, without_emoji
from vaiven.flow.types.languages import words

_RANGE = re.compile(
    r"(?<![\w.,-])(\d{1,2})\s*(?:-|–|—|\bto\b|\bthrough\b|\bbis\b|\bal?\b|\bà\b|\baté\b|\bhasta\b)\s*(\d{1,2})(?![\w-]|[.,]\d)",
    re.I,
)
_CUTS = re.compile(r"[,;\n]+|\.(?=\s|$)")
_FINER_CUTS = re.compile(r"[/&+]+")
_MOST = 400
_LONGEST = 8
_JOINTS = frozenset(
    words(
        "and y e et und ed plus + also además tambien tambem aussi auch anche sowie then the el la los las le les l il lo "
        "i gli o a os as der die das den number numbers nr option options opcion opciones opcao opcoes opzione nummer "
        "nummern numero numeros please por favor svp bitte per favore thanks gracias merci danke obrigado grazie ok just "
        "only solo seulement nur so i want id like quiero je veux juste de del di von vom dal da from du lo ich mochte quero "
        "vorrei take"
    )
)
_ALL = (
    "all|all of them|everything|every one|all please|them all|the lot|todo|todos|todas|todos ellos|tout|tous|toutes|"
    "tout ca|alle|alles|tudo|tutti|tutte|tutto|all of it|all of the above|todas ellas|tous les|alle zusammen"
)
_NONE = (
    "none|none of them|nothing|neither|no one|ninguno|ninguna|nada|ninguno de ellos|aucun|aucune|rien|keine|keins|"
    "keiner|nichts|nenhum|nenhuma|nessuno|nessuna|niente|none of these|none of the above"
)
_BOTH = "both|both of them|ambos|ambas|beide|beides|entrambi|entrambe"
_EXCEPT = (
    "except|but|but not|apart from|without|except for|minus|menos|excepto|salvo|sin|sauf|a part|sans|ausser|auer|"
    "bis auf|ohne|nicht|exceto|sem|tranne|eccetto|meno|a parte"
)
_ORDINALS = (
    (
        "first|1st|primero|primera|primer|premier|premiere|1er|erste|ersten|erster|erstes|primeiro|primeira|primo|prima|primi|prime",
        0,
    ),
    ("second|2nd|segundo|segunda|deuxieme|2eme|zweite|zweiten|zweiter|zweites|secondo|seconda", 1),
    ("third|3rd|tercero|tercera|tercer|troisieme|3eme|dritte|dritten|dritter|drittes|terceiro|terceira|terzo|terza", 2),
    ("fourth|4th|cuarto|cuarta|quatrieme|vierte|vierten|vierter|viertes|quarto|quarta", 3),
    ("fifth|5th|quinto|quinta|cinquieme|funfte|funften|funfter|funftes", 4),
    ("last|last one|ultimo|ultima|ultimi|ultime|lultimo|lultima|dernier|derniere|letzte|letzten|letzter|letztes", -1),
)
_NUMERALS = (
    "one uno una un une eins ein eine um uma|two dos deux zwei dois duas due beide beiden|three tres trois drei tre|"
    "four cuatro quatre vier quatro quattro|five cinco cinq funf cinque|six seis sechs sei|"
    "seven siete sept sieben sete sette|eight ocho huit acht oito otto|nine nueve neuf neun nove|"
    "ten diez dix zehn dez dieci"
)
_PLURAL = re.compile(
    r"(?:las|los|les|as|os|i|gli|alle|all|all of the|tutte e|tutti e|todas las|todos los|todas as|todos os|tous les|toutes les)"
    r" (\w+)"
)
_SAID: dict[str, str] = {
    **dict.fromkeys(_ALL.split("|"), "all"),
    **dict.fromkeys(_NONE.split("|"), "none"),
    **dict.fromkeys(_BOTH.split("|"), "both"),
    **dict.fromkeys(_EXCEPT.split("|"), "except"),
}
_PLACES = {word: place for named, place in _ORDINALS for word in named.split("|")}
_COUNTS = {word: count for count, named in enumerate(_NUMERALS.split("|"), 1) for word in words(named)}


def read_many(
    prepared: Prepared, raw: str, minimum: int | None = None, maximum: int | None = None, close: bool = True
) -> Understood | Outside | Ambiguous | None:
    """Every choice that this text names: ``value`` is the list of their ids, in the order in which they are offered.

    By label, id, alias, number, place or close spelling, in ranges, "all", "all but", "both"; "none" where ``minimum`` is 0.
    Bounds count the choices; without ``close`` a misspelt choice is none. What fits two choices is
    Ambiguous; one word that names none makes all of it None.
    """
    if len(raw) > _MOST:
        return None
    whole = fold(raw)
    found = _one(prepared, whole, raw)
    if found is None:
        text = _RANGE.sub(_spelled, raw)
        found = _gather(prepared, _parts(prepared, text), close)
    if found is None or isinstance(found, Ambiguous):
        return found
    if not found and minimum != 0:
        return None
    offered = prepared.offered
    ids = [offered[index].id for index in sorted(found)]
    if minimum is not None and len(ids) < minimum:
        return Outside("min", ids, raw)
    if maximum is not None and len(ids) > maximum:
        return Outside("max", ids, raw)
    return Understood(ids, raw, label=", ".join(offered[index].label for index in sorted(found)))


def _parts(prepared: Prepared, text: str) -> list[str]:
    """Folded pieces of the text; one that is a label with its own & or / stays whole."""
    parts: list[str] = []
    for piece in _CUTS.split(text):
        folded = fold(piece)
        parts += [folded] if prepared.exact(folded, piece) else [fold(part) for part in _FINER_CUTS.split(piece)]
    return [part for part in parts if part]


def _spelled(match: re.Match[str]) -> str:
    first, last = int(match[1]), int(match[2])
    return ", ".join(str(number) for number in range(first, last + 1)) if first < last else match[0]


def _one(prepared: Prepared, folded: str, raw: str) -> set[int] | Ambiguous | None:
    """The whole text as one choice."""
    found = prepared.exact(folded, raw)
    if isinstance(found, Understood):
        return {prepared.place(found.id)}
    return found


def _gather(prepared: Prepared, parts: list[str], close: bool) -> set[int] | Ambiguous | None:
    chosen: set[int] = set()
    left_out: set[int] = set()
    taking, everything, nothing = chosen, False, False
    for item in _items(prepared, parts, close):
        if item is None or isinstance(item, Ambiguous):
            return item
        if isinstance(item, set):
            taking |= item
        elif item == "except":
            if not everything or taking is left_out:
                return None
            taking = left_out
        elif item == "none":
            nothing = True
        elif item == "all" or len(prepared.offered) == 2:
            everything = True
            chosen |= set(range(len(prepared.offered)))
        else:
            return None
    if (taking is left_out and not left_out) or (nothing and (chosen or left_out)):
        return None
    return None if not chosen and not nothing else chosen - left_out


def _items(prepared: Prepared, parts: list[str], close: bool) -> Iterator[set[int] | str | Ambiguous | None]:
    for part in parts:
        words = without_emoji(part).split(" ") if not prepared.exact(part, part) else part.split(" ")
        at, named = 0, False
        while at < len(words):
            item, end = _item(prepared, words, at)
            if item is None and (words[at] not in _JOINTS or (named and words[at] == "o")):  # "anna o bruno" is one of them
                item, end = _close(prepared, words, at) if close else (None, end)
                yield item
            elif item is not None:
                yield item
            at, named = end, isinstance(item, set)


def _item(prepared: Prepared, words: list[str], at: int) -> tuple[set[int] | str | Ambiguous | None, int]:
    """The longest run of words from here that names something."""
    for end in range(min(len(words), at + _LONGEST), at, -1):
        run = " ".join(words[at:end])
        if end == at + 1 and run in _JOINTS and not _is_label(prepared, run):
            break
        found = _one(prepared, run, run)
        if found is not None:
            return found, end
        if at == 0 and end == len(words) and (some := _PLURAL.fullmatch(run)) and _count(some[1]) > 1:
            return None if _count(some[1]) != len(prepared.offered) else "all", end
        if run in _SAID:
            return _SAID[run], end
        places = _by_place(run.split(" "), len(prepared.offered))
        if places:
            return places, end
    return None, at + 1


def _is_label(prepared: Prepared, run: str) -> bool:
    return any(run == fold(choice.label) or run == fold(choice.id) for choice in prepared.offered)


def _by_place(words: list[str], count: int) -> set[int]:
    """The last, the third, the first two, three; las cuatro are all of four."""
    if (all_of := _PLURAL.fullmatch(" ".join(words))) and _count(all_of[1]) == count:
        return set(range(count))
    if " ".join(words) in _PLACES:
        words = [" ".join(words)]
    if len(words) == 1:
        place = _PLACES.get(words[0], _COUNTS.get(words[0], 0) - 1 if words[0] in _COUNTS else None)
        if place is not None and -1 <= place < count:
            return {place % count}
    elif len(words) == 2:
        for word, other in (words, reversed(words)):
            many = _count(other)
            place = _PLACES.get(word.rstrip("s"), _PLACES.get(word, _PLACES.get(word.rstrip("s") + "o")))
            if place in (0, -1) and 1 < many <= count:
                return set(range(many)) if place == 0 else set(range(count - many, count))
    return set()


def _count(word: str) -> int:
    return int(word) if word.isdecimal() and len(word) < 3 else _COUNTS.get(word, 0)


def _close(prepared: Prepared, words: list[str], at: int) -> tuple[set[int] | Ambiguous | None, int]:
    end = at + 1
    while end < len(words) and words[end] not in _JOINTS:
        end += 1
    run = " ".join(words[at:end])
    found = prepared.close(run, run)
    if isinstance(found, Understood):
        return {prepared.place(found.id)}, end
    return found, end
