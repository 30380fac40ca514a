"""Yes and no, as people say them. Words are folded (``vaiven.flow.folding``): no marks, no punctuation, no apostrophes."""

import unicodedata

_YES = {
    "en": "yes y yeah yea yep yup ya ok okay okey k kk sure correct right confirm confirmed agreed absolutely definitely "
    "certainly exactly perfect|of course|go ahead|do it|sounds good|sure thing|thats right|that is right|all right|alright",
    "es": "si claro vale correcto dale perfecto|de acuerdo|por supuesto|esta bien|asi es",
    "fr": "oui ouais exact parfait|bien sur|daccord",
    "de": "ja jawohl jo klar genau gerne stimmt naturlich sicher|auf jeden fall|in ordnung",
    "pt": "sim certo correto isso|com certeza|de acordo|esta bem",
    "it": "certo esatto perfetto|va bene|daccordo|va benissimo",
}
_NO = {
    "en": "no n nope nah never wrong incorrect negative|not now|no way|rather not|do not|dont",
    "es": "nunca incorrecto|de ninguna manera|ahora no",
    "fr": "non jamais|pas question|pas maintenant",
    "de": "nein ne nee nicht niemals falsch|auf keinen fall",
    "pt": "nao nunca errado|de jeito nenhum",
    "it": "mai sbagliato|per niente",
}
_POLITE = (
    "please pls thanks thank you thx ty gracias merci danke bitte obrigado obrigada grazie|por favor|per favore|"
    "sil vous plait|sil te plait"
)
_THUMBS = {True: "👍👌✅✔☑🆗🙆⭕", False: "👎❌✖❎🚫🙅⛔"}


def _phrases(lines: dict[str, str] | str) -> frozenset[str]:
    found: set[str] = set()
    for line in [lines] if isinstance(lines, str) else lines.values():
        words, *phrases = line.split("|")
        found.update(words.split(), phrases)
    return frozenset(found)


_SAID: dict[str, bool | None] = (
    dict.fromkeys(_phrases(_POLITE)) | dict.fromkeys(_phrases(_YES), True) | dict.fromkeys(_phrases(_NO), False)
)
_SHOWN = {thumb: meaning for meaning, thumbs in _THUMBS.items() for thumb in thumbs}
_LONGEST_PHRASE = max(len(phrase.split()) for phrase in _SAID)


def read_confirm(folded: str) -> bool | None:
    """True for yes, False for no, None for neither, both, or anything with a word that is no part of either."""
    if (known := _SAID.get(folded)) is not None:
        return known
    meanings: set[bool] = set()  # a set, since both at once are neither
    letters: list[str] = []
    for character in folded:
        if character in _SHOWN:
            meanings.add(_SHOWN[character])
        letters.append(" " if unicodedata.category(character) in ("So", "Sk") else character)
    words = "".join(letters).split()
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + length])
            if phrase in _SAID:
                break
        else:
            return None
        if (meaning := _SAID[phrase]) is not None:
            meanings.add(meaning)
        at += length
    return meanings.pop() if len(meanings) == 1 else None
