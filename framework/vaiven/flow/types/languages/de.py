"""German, of Germany, Austria and Switzerland."""

from vaiven.flow.types.languages import words

_ONES = words(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn"
)
_TENS = words("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_NTH = words("ersten zweiten dritten vierten fünften sechsten siebten achten neunten zehnten elften zwölften")


def _below_hundred() -> dict[str, int]:
    numbers = {word: value for value, word in enumerate(_ONES)}
    for ten, word in enumerate(_TENS, 2):
        numbers[word] = ten * 10
        numbers |= {f"{one}und{word}": ten * 10 + value for value, one in enumerate(("ein", *_ONES[2:10]), 1)}
    return numbers


def _spoken() -> dict[str, int]:
    numbers = _below_hundred()
    numbers |= {one.replace("ü", "ue").replace("ö", "oe"): value for one, value in numbers.items()}
    pairs = {
        "zu zweit": 2,
        "zu dritt": 3,
        "zu viert": 4,
        "zu fünft": 5,
        "zu sechst": 6,
        "zu siebt": 7,
        "zu acht": 8,
        "zu zehnt": 10,
    }
    return (
        numbers
        | pairs
        | {"zwo": 2, "ein": 1, "eine": 1, "einen": 1, "einer": 1, "einem": 1, "ein paar zwei": 2, "ein dutzend": 12}
    )


SPOKEN = _spoken()
AND = "und"
TABLE = """
holiday 1225: weihnachten, erster weihnachtstag, 1. weihnachtstag, an weihnachten, zu weihnachten, am ersten weihnachtstag
holiday 1226: zweiter weihnachtstag, 2. weihnachtstag
holiday 1224: heiligabend, heilig abend, an heiligabend, heiliger abend
holiday 1231: silvester, an silvester, sylvester
holiday 101: neujahr, an neujahr, neujahrstag
holiday 214: valentinstag, am valentinstag
holiday 1206: nikolaus
in: heute in
at: punkt
tenths 5: halb, ein halb, ein halbes
tenths 15: anderthalb
times 1000: k
beside: person, erwachsener, erwachsene, gast, platz, nacht
skip: bitte, danke, danke schön, vielen dank, ok, okay, ja, gerne, gern, hallo, hi, moin, servus, guten tag, also, dann, na
skip: hm, äh, mal, so, eben
skip: ich möchte, ich würde gern, ich hätte gern, ich will, ich nehme, ich komme, wir kommen, wir nehmen, lieber, am liebsten
skip: sagen wir, passt, passt mir, passt uns, passt gut, wäre gut, wäre super, wäre perfekt, wäre toll, wäre
skip: geht, geht auch, wenn möglich, wenn es geht, falls möglich, perfekt, super, gut, für, für den, datum, uhrzeit, der tag
skip: das ist, es ist, es war, von, vom, mein geburtstag ist der, geboren, geboren am, ich bin am, mein geburtstag
skip: pünktlich, genau, ortszeit, bis dann, termin, reservierung, und, ginge, könnten wir, können wir, ist gut, mir, uns, der
skip: die, das, den, dem, es, beginnend
on: am, der, den, dem, für den, zum, vom
of: im
day 0: heute, heut
day 1: morgen, morgn, moregn
day 2: übermorgen, uebermorgen
day 3: überübermorgen
day -1: gestern
day -2: vorgestern
tonight: heute abend, heute nacht, heut abend
weekday 0: montag, mo, mon, montags
weekday 1: dienstag, di, die, dienstags
weekday 2: mittwoch, mi, mit, mittwochs
weekday 3: donnerstag, do, don, donnerstags
weekday 4: freitag, fr, fre, freitags
weekday 5: samstag, sa, sam, sonnabend, samstags
weekday 6: sonntag, so, son, sonntags
weekdaypart 0 morning: montagmorgen, montagvormittag, montagfrüh
weekdaypart 0 afternoon: montagnachmittag
weekdaypart 0 evening: montagabend
weekdaypart 1 morning: dienstagmorgen, dienstagvormittag, dienstagfrüh
weekdaypart 1 afternoon: dienstagnachmittag
weekdaypart 1 evening: dienstagabend
weekdaypart 2 morning: mittwochmorgen, mittwochvormittag, mittwochfrüh
weekdaypart 2 afternoon: mittwochnachmittag
weekdaypart 2 evening: mittwochabend
weekdaypart 3 morning: donnerstagmorgen, donnerstagvormittag, donnerstagfrüh
weekdaypart 3 afternoon: donnerstagnachmittag
weekdaypart 3 evening: donnerstagabend
weekdaypart 4 morning: freitagmorgen, freitagvormittag, freitagfrüh
weekdaypart 4 afternoon: freitagnachmittag
weekdaypart 4 evening: freitagabend
weekdaypart 5 morning: samstagmorgen, samstagvormittag, samstagfrüh
weekdaypart 5 afternoon: samstagnachmittag
weekdaypart 5 evening: samstagabend
weekdaypart 6 morning: sonntagmorgen, sonntagvormittag, sonntagfrüh
weekdaypart 6 afternoon: sonntagnachmittag
weekdaypart 6 evening: sonntagabend
month 1: januar, jan, jänner, jaenner
month 2: februar, feb, feber
month 3: märz, mär, mrz, maerz
month 4: april, apr
month 5: mai
month 6: juni, jun, juno
month 7: juli, jul
month 8: august, aug
month 9: september, sep, sept
month 10: oktober, okt
month 11: november, nov
month 12: dezember, dez
suffix: ter, te, ten
next: nächsten, nächster, nächste, nächstem, naechsten, naechster, naechste
this: diesen, dieser, diese, diesem, kommenden, kommender, kommende, dies
last: letzten, letzter, letzte, letztem, vergangenen
week 1: nächste woche, nächster woche, naechste woche, kommende woche, in der nächsten woche, der nächsten woche
week 0: diese woche, dieser woche
week -1: letzte woche, letzter woche
week 2: übernächste woche, uebernaechste woche
weeks 1: übernächsten, uebernaechsten
weeks 1: in einer woche am
monthof 1: nächsten monat, nächsten monats, des nächsten monats, naechsten monat
monthof 0: diesen monat, diesen monats, dieses monats
monthof -1: letzten monat, letzten monats
in: in
ahead: später, ab heute, ab jetzt
back: vor
ago: her, zuvor
unit minute: minute, minuten, min
unit hour: stunde, stunden, std, h
unit day: tag, tage, tagen
unit week: woche, wochen
unit month: monat, monate, monaten
unit year: jahr, jahre, jahren
span 30: einer halben stunde, halbe stunde, ner halben stunde, eine halbe stunde
span 15: einer viertelstunde, viertelstunde
span 45: einer dreiviertelstunde
span 90: eineinhalb stunden, anderthalb stunden
now: jetzt, sofort, jetzt gleich
at: um, @, um punkt
oclock: uhr, h, uhrr
part am: am, a m
part pm: pm, p m
partafter morning: morgen
part morning: morgens, früh, vormittag, vormittags, am morgen, am vormittag, in der früh, in der frühe
part morning: am frühen morgen, frueh
part afternoon: nachmittags, nachmittag, am nachmittag
part evening: abends, abend, am abend
part night: nachts, in der nacht, nacht
part noon: mittags
clock 720: mittag, zu mittag, am mittag, mittags
clock 1440: mitternacht, um mitternacht
past -30: halb
past 15: viertel nach, viertl nach
past -15: viertel vor, dreiviertel, viertl vor, drei viertel
after: nach, minuten nach, min nach
before: vor, minuten vor, min vor
times 100: hundert
times 1000: tausend
times 1000000: million, millionen
half: einhalb, und ein halb
point: komma
beside: nur, für, wir sind, wir, sind, bitte, personen, leute, pers, gäste, danke, insgesamt, zusammen, karten, tickets
beside: tisch für, einen tisch für, ein tisch für, erwachsene, kinder, nächte, plätze, ja, hallo, ok, es sind, es werden, es
beside: werden, also, stück, jahre, jahre alt, ich bin, ich möchte, ich will, ich brauche, ich hätte gern, tage, mal, euro
beside: euros, dollar, franken, kilo, kg, km, sterne, stern, grad, einheiten, je, sind es, gern, gerne
"""


def _ordinals() -> str:
    words = dict(enumerate(_NTH, 1)) | {value: f"{word}ten" for value, word in enumerate(_ONES) if 13 <= value <= 19}
    words |= {value: f"{word}sten" for word, value in _below_hundred().items() if 20 <= value <= 31}
    return "\n".join(f"nth {value}: {word}, {word[:-1]}, {word[:-1]}r" for value, word in words.items())


_HALVES = (("ein", 1), *((one, value) for value, one in enumerate(_ONES[2:13], 2)))

TABLE += _ordinals() + "\n" + "\n".join(f"tenths {value}5: {one}einhalb" for one, value in _HALVES)
GLUED = ("tausend", "hundert")
