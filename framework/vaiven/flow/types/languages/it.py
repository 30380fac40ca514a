"""Italian."""

from vaiven.flow.types.languages import words

_ONES = words(
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici "
    "quindici sedici diciassette diciotto diciannove"
)
_TENS = words("venti trenta quaranta cinquanta sessanta settanta ottanta novanta")


def _below_hundred() -> dict[str, int]:
    numbers = {word: value for value, word in enumerate(_ONES)}
    for ten, word in enumerate(_TENS, 2):
        numbers[word] = ten * 10
        for value, one in enumerate(_ONES[1:10], 1):
            numbers[(word[:-1] if one[0] in "uo" else word) + one] = ten * 10 + value
        numbers[f"{word[:-1]}un"] = ten * 10 + 1
    return numbers


def _spoken() -> dict[str, int]:
    numbers = _below_hundred()
    numbers |= {f"cent{one}": 100 + value for one, value in numbers.items() if one.startswith("ott")}
    return numbers | {"un": 1, "una": 1, "un paio": 2, "una coppia": 2, "una dozzina": 12, "mezza dozzina": 6, "una decina": 10}


SPOKEN = _spoken()
AND = "e"
TABLE = """
holiday 1225: natale, il giorno di natale, a natale, giorno di natale
holiday 1224: vigilia di natale, la vigilia di natale, la vigilia, vigilia, alla vigilia
holiday 1226: santo stefano
holiday 1231: san silvestro, ultimo dell'anno, l'ultimo dell'anno
holiday 101: capodanno, a capodanno, il primo dell'anno
holiday 214: san valentino, a san valentino
holiday 815: ferragosto, a ferragosto
at: le
tenths 5: mezzo, mezza
times 1000: k
beside: adulto, notte, posto
skip: per favore, x favore, per piacere, grazie, grazie mille, ok, va bene, sì, certo, ciao, salve, buongiorno, buonasera
skip: allora, beh, eh, ecco, dai
skip: vorrei, preferirei, preferisco, mi andrebbe bene, mi va bene, ci va bene, andrebbe bene, facciamo, diciamo, direi
skip: sarebbe, sarebbe perfetto, possiamo, posso, potrei, se possibile, se si può, perfetto, ottimo, meglio
skip: per, per il, per la, la data, il giorno, l'ora, è, era, di, del, in data, sono nato il, sono nata il, nato il, nata il
skip: il mio compleanno è il, il mio compleanno
skip: vengo, veniamo, ci vediamo, appuntamento, prenotazione, in punto, ora locale, io, noi, e, vada per, il, lo, la, un
on: il, l, lo, il giorno, giorno, per il, del, dal, il prossimo giorno
of: di, del, d
day 0: oggi, oggi stesso
day 1: domani, domanii, dmn, domni
day 2: dopodomani, dopo domani
day -1: ieri
day -2: l'altro ieri, l'altroieri, avantieri, altro ieri
tonight: stasera, questa sera, stanotte
weekday 0: lunedì, lun
weekday 1: martedì, mar
weekday 2: mercoledì, mer, merc
weekday 3: giovedì, gio, giov
weekday 4: venerdì, ven
weekday 5: sabato, sab
weekday 6: domenica, dom
month 1: gennaio, gen, genn
month 2: febbraio, feb, febbr
month 3: marzo, mar
month 4: aprile, apr
month 5: maggio, mag
month 6: giugno, giu
month 7: luglio, lug
month 8: agosto, ago
month 9: settembre, set, sett
month 10: ottobre, ott
month 11: novembre, nov
month 12: dicembre, dic
nth 1: primo
suffix: o
next: prossimo, prossima, che viene, seguente
this: questo, questa, quest
last: scorso, scorsa, passato, ultimo
week 1: la settimana prossima, settimana prossima, la prossima settimana, prossima settimana, della prossima settimana
week 1: della settimana prossima, la settimana che viene
week 0: questa settimana, di questa settimana
week -1: la settimana scorsa, settimana scorsa, della settimana scorsa
monthof 1: il mese prossimo, del mese prossimo, mese prossimo, del prossimo mese, il prossimo mese, prossimo mese
monthof 0: questo mese, di questo mese
monthof -1: il mese scorso, del mese scorso
in: tra, fra, in, entro
ahead: da oggi, da adesso, dopo, più tardi
ago: fa
unit minute: minuto, minuti, min
unit hour: ora, ore, h
unit day: giorno, giorni, gg
unit week: settimana, settimane
unit month: mese, mesi
unit year: anno, anni
span 30: mezz'ora, mezza ora, una mezz'ora
span 15: un quarto d'ora
span 90: un'ora e mezza, un ora e mezza
distance 60: un'ora
now: adesso, ora, subito, proprio adesso
at: alle, alla, alle ore, all, ore, a, x le, per le, dalle, h, @
oclock: ore, h, ora, in punto
part am: am, a m
part pm: pm, p m
part morning: di mattina, del mattino, mattina, mattino, la mattina, al mattino, stamattina, stamani, questa mattina
part morning: in mattinata, di mattino
part afternoon: di pomeriggio, del pomeriggio, pomeriggio, il pomeriggio, nel pomeriggio, al pomeriggio, questo pomeriggio
part evening: di sera, della sera, sera, la sera, in serata, alla sera
part night: di notte, della notte, notte, la notte
clock 720: mezzogiorno, a mezzogiorno
clock 750: mezzogiorno e mezza, mezzogiorno e mezzo
clock 1440: mezzanotte, a mezzanotte
plus 30: e mezza, e mezzo
plus 15: e un quarto, e quarto
plus 45: e tre quarti
plus -15: meno un quarto, meno quarto
and: e
less: meno
times 100: cento
times 1000: mille, mila
times 1000000: milione, milioni
half: e mezzo, e mezza
point: virgola
beside: solo, soltanto, per, siamo, siamo in, saremo, saremo in, in, di, per favore, persone, persona, pax, grazie, in totale
beside: totale, in tutto, biglietti, tavolo per, un tavolo per, adulti, bambini, notti, posti, noi, sì, ciao, sono, è, ok
beside: pezzi, unità, anni, ho, voglio, vorrei, servono, giorni, volte, euro, dollari, chili, kg, km, stelle, stella, gradi
beside: ciascuno
"""
GLUED = ("mila", "mille", "cento")
