"""The ``replies:`` of a bot: texts that its people say often, ready to be put into an answer. We fill nothing in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vaiven.edge.places import Place, Reader

LONGEST = 4096
TEMPLATE = "template"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")
LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_BLANK = re.compile(r"\{\{([0-9]{1,2})\}\}")
_EXAMPLE = '"Hello, how can I help?"'


@dataclass(frozen=True, slots=True)
class CannedReply:
    """A text by language, as it was written. ``template``: the name under which the provider approved it, if it did; then
    ``{{1}}`` and so on are the blanks that whoever sends it fills.
    """

    name: str
    texts: Mapping[str, str]
    template: str = ""

    def text(self, lang: str, own: str) -> tuple[str, str]:
        """The language it is in, and the text: in ``lang``, its main language, the bot's ``own``, or the first there is."""
        for wanted in (lang, lang.partition("-")[0], own, own.partition("-")[0]):
            if wanted in self.texts:
                return wanted, self.texts[wanted]
        return next(iter(self.texts.items()))

    def blanks(self, text: str) -> int:
        """How many blanks it has; a text that is no template has none."""
        return len(set(_BLANK.findall(text))) if self.template else 0


def read_replies(reader: Reader, place: Place) -> dict[str, CannedReply]:
    """``{hello: "Hello.", thanks: {en: ..., es: ...}, back: {template: we_are_back, en: ...}}``. A plain text has no language."""
    found = {}
    for name, child in reader.children(place).items():
        if not _NAME.match(name):
            reader.say(child, "wrong-setting", f"'{name}' is no name for a reply", "Write it as opening_hours.", at_key=True)
            continue
        reply = (
            _by_language(reader, name, child)
            if child.is_map and not child.is_env
            else CannedReply(name, _texts(reader, {"": child}))
        )
        if reply.template and not all(_are_numbered(text) for text in reply.texts.values()):
            cure = "Number them {{1}}, {{2}} and so on, as the provider has them."
            reader.say(child, "wrong-setting", f"'{child.name}' leaves out a blank", cure, at_key=True)
        if reply.texts:
            found[name] = reply
    return found


def _by_language(reader: Reader, name: str, place: Place) -> CannedReply:
    langs = [key for key in place.children() if LANG.match(key)]
    parts = reader.children(place, (TEMPLATE, *langs))
    named = parts.pop(TEMPLATE, None)
    if not parts:
        reader.say(place, "wrong-setting", f"'{place.name}' has no text", f"For example: {{en: {_EXAMPLE}}}", at_key=True)
    template = reader.text(named, "we_are_back") if named is not None else None
    return CannedReply(name, _texts(reader, parts), template or "")


def _texts(reader: Reader, places: Mapping[str, Place]) -> dict[str, str]:
    texts = {lang: reader.text(place, _EXAMPLE) for lang, place in places.items()}
    for lang, text in texts.items():
        if text is not None and len(text) > LONGEST:
            place = places[lang]
            reader.say(place, "wrong-setting", f"'{place.name}' has {len(text)} characters", f"A reply has at most {LONGEST}.")
    return {lang: text for lang, text in texts.items() if text is not None}


def _are_numbered(text: str) -> bool:
    found = {int(number) for number in _BLANK.findall(text)}
    return found == set(range(1, len(found) + 1))
