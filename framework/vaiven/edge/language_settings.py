"""The bot's own words in its languages, and the words by which people choose one: ``words:`` and ``languages:`` of a bot."""

import re
from dataclasses import fields
from typing import NamedTuple

from vaiven.edge.places import UNKNOWN, Place, Reader
from vaiven.flow.answers import fold, legal_clash
from vaiven.flow.spec import Words

_LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_ALL = tuple(each.name for each in fields(Words))
_OWN = tuple(name for name in _ALL if name != "error")
"""In the bot's own language ``error`` is ``errors.text``."""


class BotWords(NamedTuple):
    """Texts by the fields of ``Words``: in the bot's language, and in others."""

    own: dict[str, str]
    by_lang: dict[str, dict[str, str]]


def read_words(reader: Reader, place: Place) -> BotWords:
    """``{help: ..., es: {help: ...}}``."""
    children = place.children()
    langs = {key: child for key, child in children.items() if child.is_map and not child.is_env and _LANG.match(key)}
    known = reader.children(place, (*_OWN, *langs))
    own = _texts(reader, {key: child for key, child in known.items() if key not in langs})
    return BotWords(own, {lang: _texts(reader, reader.children(child, _ALL)) for lang, child in langs.items()})


def _texts(reader: Reader, places: dict[str, Place]) -> dict[str, str]:
    texts = {key: reader.text(child, '"Text HELP for help."') for key, child in places.items()}
    return {key: text for key, text in texts.items() if text is not None}


def read_languages(reader: Reader, place: Place) -> dict[str, tuple[str, ...]]:
    """``{es: [español, castellano], en: [english]}``."""
    found: dict[str, tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for lang, child in reader.children(place).items():
        if not _LANG.match(lang):
            reader.say(child, "wrong-setting", f"'{lang}' is no language", "For example: es, en, pt-BR.", at_key=True)
            continue
        words = reader.value(child)
        words = [words] if isinstance(words, str) else words
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            if words is not UNKNOWN:
                cure = "For example: [español, castellano]"
                reader.say(child, "wrong-setting", f"'{child.name}' must be a list of words", cure)
            continue
        for word in words:
            if told := _unheard(word, lang, owners):
                reader.say(child, "wrong-command", told, "Take another word.")
        found[lang] = tuple(words)
    return found


def _unheard(word: str, lang: str, owners: dict[str, str]) -> str | None:
    """Why this word would never be heard as the name of that language."""
    folded = fold(word)
    owner = owners.setdefault(folded, lang)
    if not folded:
        return f"'{word}' can never be matched: punctuation is not compared"
    if legal_clash(word, sms=True) is not None:
        return f"'{word}' is a word that carriers take, so it would never change the language"
    if folded == "back":
        return "BACK is a command of every flow, so it would never change the language"
    return None if owner == lang else f"'{word}' names both '{owner}' and '{lang}'"
