"""Yes and no, as people say them. Words are folded (``vaiven.flow.folding``): no marks, no punctuation, no apostrophes."""

import re
import unicodedata
from functools import lru_cache

_YES = {
    "en": "yes yeah yea yep yup ya yas yh yess ok okay okey kk sure correct right confirm confirmed agreed "
    "absolutely definitely "
    "certainly exactly perfect alright fine great good lovely cool deal lgtm indeed affirmative totally true brilliant awesome|"
    "of course|go ahead|do it|sounds good|sounds great|sure thing|thats right|that is right|all right|"
    "all good|please do|you bet|"
    "that works|works for me|works|thats fine|thats ok|thats correct|that is correct|its correct|thats good|looks good|"
    "looks right|i agree|i do|i am|i confirm|why not|go for it|no doubt|yes it is|it is|book it|all correct|that is fine|"
    "happy with that|very good|that suits me|i accept|its fine|its ok|im sure|yes i do|yes i am|lets do "
    "it|no problem at all yes",
    "es": "si sip sep claro vale correcto dale perfecto exacto confirmo confirmado confirmada bueno venga "
    "listo adelante genial "
    "acepto efectivamente okis seguro obvio eso hecho estupendo fenomenal|de acuerdo|por supuesto|esta "
    "bien|asi es|claro que si|"
    "me parece bien|me parece perfecto|eso es|desde luego|todo bien|todo correcto|todo ok|estoy de acuerdo|es correcto|"
    "como no|va bien|me va bien|sin duda|por favor si|muy bien|ya|por que no|si quiero|me gustaria",
    "fr": "oui ouais ouep yep exact exactement parfait dac absolument evidemment volontiers confirme correct entendu super "
    "carrement top certainement ouaip tkt nickel effectivement impeccable|bien sur|daccord|cest ca|cest bon|ca marche|ca me va|"
    "tout a fait|avec plaisir|je confirme|pourquoi pas|allez y|vas y|cest correct|cest exact|ca roule|je "
    "suis daccord|bien entendu|"
    "sans probleme|cest parfait|cest juste|je veux bien|tres bien|oui cest ca|mais oui|pas de souci|je valide|ca me convient|"
    "cest daccord|sans souci",
    "de": "ja jawohl jo jep jap jup klar genau gerne gern stimmt naturlich sicher richtig korrekt passt "
    "einverstanden bestatigt "
    "perfekt super gut selbstverstandlich freilich prima ok logo absolut unbedingt definitiv toll|auf "
    "jeden fall|in ordnung|na klar|"
    "alles klar|das passt|das stimmt|geht klar|mach das|stimmt so|ich bestatige|das ist richtig|ist richtig|passt so|passt mir|"
    "aber klar|ja klar|klar doch|aber sicher|sehr gern|sehr gerne|das ist korrekt|ist gut|alles gut|alles richtig|bin dabei|"
    "bin einverstanden|warum nicht|von mir aus|auf alle falle|machen wir|so ist es|wird gemacht|das ist "
    "gut|ganz genau|passt gut",
    "pt": "sim claro certo correto isso beleza blz perfeito concordo confirmo confirmado exato exatamente "
    "fechado combinado otimo "
    "aceito ok okay certissimo show positivo tranquilo bora massa|com certeza|de acordo|esta bem|ta bom|"
    "pode ser|isso mesmo|isso ai|"
    "com prazer|e isso|e isso mesmo|tudo certo|pode sim|sim pode|esta certo|ta certo|esta correto|sem duvida|claro que sim|"
    "pode confirmar|por mim tudo bem|muito bem|ta otimo|esta bom|sem problema|com todo o prazer|por que nao|sim quero|tudo bem",
    "it": "si certo certamente esatto giusto corretto perfetto confermo confermato volentieri ottimo procedi "
    "sicuro ovvio benissimo "
    "yes ok assolutamente esattamente accetto ovviamente sicuramente perfettamente daje|va bene|daccordo|va benissimo|"
    "assolutamente si|ci sto|proprio cosi|e giusto|come no|certo che si|tutto ok|va bene cosi|senzaltro|"
    "e corretto|tutto giusto|"
    "sono daccordo|per me va bene|mi va bene|molto volentieri|perche no|con piacere|tutto bene|senza "
    "dubbio|fai pure|mi sta bene|"
    "direi di si|molto bene",
}
_NO = {
    "en": "no nope nah naw never wrong incorrect negative noo nay false|not now|no way|rather not|do not|dont|"
    "no thanks|not really|"
    "absolutely not|of course not|not interested|cancel that|thats wrong|its wrong|that is wrong|that is "
    "incorrect|thats incorrect|"
    "i dont want to|i dont want it|i dont|please dont|certainly not|definitely not|not at all|id rather "
    "not|not correct|not right|"
    "thats not right|thats not correct|its not correct|that is not correct|no chance|im not|i do not|i am not|i disagree|"
    "i dont agree|i dont think so|not today|not this time|not for me|dont do it|no need|nothing doing|it "
    "is not|no it isnt|it isnt|"
    "thats not it|not good|nvm|no deal",
    "es": "no nop nunca incorrecto negativo jamas nel nanai|de ninguna manera|ahora no|para nada|esta mal|claro que no|"
    "por supuesto que no|no quiero|mejor no|que va|ni hablar|no es correcto|no esta bien|no me interesa|en absoluto|no es eso|"
    "no estoy de acuerdo|de eso nada|ni loco|ni de broma|prefiero que no|creo que no|no puedo|no me va "
    "bien|no me viene bien|por ahora no|"
    "por el momento no|hoy no|no confirmo|desde luego que no|no lo quiero|no hace falta|no va|es incorrecto",
    "fr": "non nan nope jamais incorrect negatif faux|pas question|pas maintenant|bien sur que non|surtout pas|"
    "pas du tout|cest faux|"
    "cest pas ca|ce nest pas ca|je ne veux pas|je veux pas|absolument pas|pas interesse|pas interessee|ca va pas|ca ne va pas|"
    "ce nest pas correct|cest pas correct|hors de question|certainement pas|en aucun cas|ca ne me va pas|"
    "ca me va pas|pas daccord|"
    "je ne suis pas daccord|je suis pas daccord|cest incorrect|cest pas bon|ce nest pas bon|je prefere pas|je ne prefere pas|"
    "ca mira pas|pas pour moi|pas aujourdhui|mais non|vraiment pas|je ne confirme pas|cest non|plutot pas|jaime pas",
    "de": "nein ne nee no nicht niemals nie falsch keinesfalls negativ nope neee inkorrekt keineswegs|auf "
    "keinen fall|nicht jetzt|"
    "jetzt nicht|stimmt nicht|naturlich nicht|bitte nicht|lieber nicht|das ist falsch|ist falsch|kein interesse|ich will nicht|"
    "passt nicht|gar nicht|nicht richtig|auf gar keinen fall|leider nicht|leider nein|das stimmt nicht|"
    "das passt nicht|passt mir nicht|"
    "ich mochte nicht|mochte ich nicht|will ich nicht|nein das stimmt nicht|nicht korrekt|das ist nicht "
    "richtig|unter keinen umstanden|"
    "eher nicht|heute nicht|kommt nicht in frage|sicher nicht|bestimmt nicht|bloss nicht|uberhaupt nicht|ganz und gar nicht|"
    "nicht einverstanden|geht nicht|das geht nicht|geht leider nicht|nicht notig|nicht interessiert",
    "pt": "nao nunca errado incorreto negativo jamais|de jeito nenhum|agora nao|claro que nao|nao quero|nem pensar|esta errado|"
    "ta errado|nao e isso|melhor nao|nao concordo|nada disso|nao tenho interesse|nem um pouco|de modo nenhum|de forma alguma|"
    "com certeza nao|nao esta certo|nao esta correto|hoje nao|nao posso|nao confirmo|nao aceito|acho que "
    "nao|prefiro nao|nem morto|"
    "de maneira nenhuma|nao esta bem|nao da|por enquanto nao|nao precisa|nao preciso|nao e|absolutamente nao|nao mesmo",
    "it": "no mai sbagliato negativo errato|per niente|non ora|adesso no|ora no|assolutamente no|certo che no|"
    "non voglio|meglio di no|"
    "meglio no|non va bene|e sbagliato|non e giusto|non mi interessa|neanche per sogno|niente affatto|non e corretto|"
    "non sono daccordo|preferisco di no|preferirei di no|direi di no|per ora no|oggi no|non confermo|non posso|no davvero|"
    "in nessun caso|nemmeno per idea|non mi va|non mi va bene|di certo no|ovviamente no|non e cosi|e errato|nient affatto",
}
# Single letters and words that say so in one language only, and something else in another.
_OWN = {
    "en": ("y k", "n"),
    "es": ("s va", "n"),
    "fr": ("o", "n"),
    "de": ("j", "n"),
    "pt": ("s ss pode ta", "n nn"),
    "it": ("s bene dai", "n"),
}
_POLITE = (
    "please pls plz thanks thank you thx ty gracias merci danke bitte obrigado obrigada grazie sorry "
    "perdon desole desolee pardon leider "
    "desculpa desculpe scusa scusi|por favor|per favore|sil vous plait|sil te plait|svp|stp|porfa|muchas gracias|grazie mille|"
    "merci beaucoup|vielen dank|danke schon|muito obrigado|lo siento|mi dispiace|tut mir leid|im sorry|"
    "im afraid not sorry|many thanks"
)
_THUMBS = {True: "👍👌✅✔☑🆗🙆⭕💯", False: "👎❌✖❎🚫🙅⛔"}
# Said in every language's chats; the rest of a language is for those who speak it.
_EVERYWHERE = "yes si oui ja sim ok okay yep yeah no non nein nao nope nee"
_DRAWN_OUT = re.compile(r"(.)\1{2,}")
_DOUBLED = re.compile(r"([a-z])\1$")


def _phrases(line: str) -> list[str]:
    """Words, and behind the first bar phrases."""
    words, *phrases = line.split("|")
    return [*words.split(), *phrases]


def _table(langs: tuple[str, ...], own: bool) -> dict[str, bool | None]:
    said: dict[str, bool | None] = dict.fromkeys(_phrases(_POLITE))
    for meaning, lines in ((True, _YES), (False, _NO)):
        for lang in langs:
            said |= dict.fromkeys(_phrases(lines[lang]), meaning)
            if own:
                said |= dict.fromkeys(_OWN[lang][0 if meaning else 1].split(), meaning)
    return said


@lru_cache(maxsize=8)
def _said(lang: str | None) -> dict[str, bool | None]:
    if lang not in _YES:
        return _table(tuple(_YES), own=False) | _table(("en",), own=True)
    everything = _table(tuple(_YES), own=False)
    mixed = {word: everything[word] for word in _EVERYWHERE.split()}
    return mixed | _table(("en",), own=False) | _table((lang,), own=True)


_SHOWN = {thumb: meaning for meaning, thumbs in _THUMBS.items() for thumb in thumbs}
_LONGEST_PHRASE = 6


def read_confirm(folded: str, lang: str | None = None) -> bool | None:
    """True for yes, False for no, None for neither, both, or anything with a word that is no part of either.

    ``lang`` is a BCP 47 tag: its words, English ones and those that are said everywhere; None: words of all our languages.
    """
    said = _said(lang.replace("_", "-").partition("-")[0].lower() if lang else None)
    if (known := said.get(folded)) is not None:
        return known
    meanings: set[bool] = set()  # a set, since both at once are neither
    letters: list[str] = []
    for character in folded:
        if character in _SHOWN:
            meanings.add(_SHOWN[character])
        letters.append(" " if unicodedata.category(character) in ("So", "Sk") else character)
    words = [_drawn_in(word, said) for word in "".join(letters).split()]
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + length])
            if phrase in said:
                break
        else:
            return None
        if (meaning := said[phrase]) is not None:
            meanings.add(meaning)
        at += length
    return meanings.pop() if len(meanings) == 1 else None


def _drawn_in(word: str, said: dict[str, bool | None]) -> str:
    """Yesss and noooo are yes and no; a doubled last letter only in the words that everybody says."""
    if word in said or len(word) < 3:
        return word
    short = _DRAWN_OUT.sub(r"\1", word)
    if short in said or short == word:
        single = _DOUBLED.sub(r"\1", word)
        return short if short != word else single if single in _EVERYWHERE.split() else word
    return word
