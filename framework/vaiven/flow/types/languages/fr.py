"""French."""

from vaiven.flow.types.languages import words

_ONES = words(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf"
)
_TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante", 80: "quatre vingt"}


def _spoken() -> dict[str, int]:
    numbers = {word: value for value, word in enumerate(_ONES)}
    for ten, word in _TENS.items():
        numbers[word] = ten
        for value in range(1, 20 if ten in (60, 80) else 10):
            numbers[f"{word} {_ONES[value]}"] = ten + value
            if value in (1, 11):
                numbers[f"{word} et {_ONES[value]}"] = ten + value
        numbers[f"{word} et une"] = ten + 1
    for ten, word in ((70, "septante"), (80, "huitante"), (90, "nonante")):
        numbers[word] = ten
        numbers |= {f"{word} {one}": ten + value for value, one in enumerate(_ONES[1:10], 1)}
    return numbers | {
        "une": 1,
        "quatre vingts": 80,
        "cent": 100,
        "une douzaine": 12,
        "une dizaine": 10,
        "une vingtaine": 20,
        "une quinzaine": 15,
    }


SPOKEN = _spoken()
AND = "et"
TABLE = """
holiday 1225: noël, le jour de noël, à noël, jour de noël
holiday 1224: réveillon de noël, le réveillon de noël, la veille de noël, veille de noël
holiday 1231: la saint-sylvestre, saint-sylvestre, réveillon du nouvel an, la veille du jour de l'an
holiday 101: jour de l'an, le jour de l'an, nouvel an, le nouvel an
holiday 214: saint-valentin, la saint-valentin
tenths 5: un demi, une demie, la moitié, moitié
times 1000: k
beside: personne, adulte, enfant, place
skip: s'il vous plaît, s'il te plaît, svp, stp, merci, merci beaucoup, ok, d'accord, oui, bonjour, salut, bonsoir, alors, euh
skip: bah, ben, bon, voilà
skip: je voudrais, j'aimerais, je préfère, je préférerais, on peut, est-ce que, c'est possible, si possible, si c'est possible
skip: ce serait, ça serait, disons, plutôt, ça me va, me convient, ça m'arrange, m'arrange
skip: parfait, super, bien, très bien, pour, pour le, la date, le jour, l'heure, c'est, c'était, de, du, dans la journée
skip: je suis né le, je suis née le, né le, née le, mon anniversaire est le, mon anniversaire
skip: je viens, je viendrai, on vient, on se voit, rendez-vous, rdv, pile, précises, heure locale, vers le jour, moi, nous, au
skip: la, et
on: le, du, ce, pour le, au
of: de, du, d
day 0: aujourd'hui, auj, ajd, aujourdhui, ce jour
day 1: demain, dem1, 2main, demin
day 2: après-demain, apres demain
day -1: hier
day -2: avant-hier
tonight: ce soir, cette nuit, ce soir-là
weekday 0: lundi, lun
weekday 1: mardi, mar
weekday 2: mercredi, mer, mercr
weekday 3: jeudi, jeu
weekday 4: vendredi, ven, vend
weekday 5: samedi, sam
weekday 6: dimanche, dim
month 1: janvier, janv, jan
month 2: février, fév, févr
month 3: mars, mar
month 4: avril, avr
month 5: mai
month 6: juin
month 7: juillet, juil, jul
month 8: août, aou
month 9: septembre, sept, sep
month 10: octobre, oct
month 11: novembre, nov
month 12: décembre, déc
nth 1: premier, 1er
suffix: er, e, eme, ème, nd
next: prochain, prochaine, suivant
this: ce, cet, cette, qui vient
last: dernier, dernière, passé
week 1: la semaine prochaine, semaine prochaine, de la semaine prochaine, la semaine qui vient, la semaine pro
week 0: cette semaine, de cette semaine
week -1: la semaine dernière, semaine dernière, la semaine passée
weekssuffix 1: en huit
weekssuffix 2: en quinze
monthof 1: le mois prochain, du mois prochain, mois prochain
monthof 0: ce mois-ci, de ce mois, ce mois, du mois
monthof -1: le mois dernier, du mois dernier
in: dans, d'ici, sous
ahead: plus tard, à partir d'aujourd'hui, après
back: il y a, y a, ya
ago: auparavant
unit minute: minute, minutes, min, mn
unit hour: heure, heures, h
unit day: jour, jours, j
unit week: semaine, semaines, sem
unit month: mois
unit year: an, ans, année, années
span 30: une demi-heure, une demi heure, demi heure, une demie heure
span 15: un quart d'heure
span 90: une heure et demie, 1 heure et demie
now: maintenant, tout de suite, là maintenant, immédiatement
at: à, a, @, à partir de, dès
oclock: heures, heure, h, hrs
part am: am, a m
part pm: pm, p m
part morning: du matin, le matin, matin, au matin, dans la matinée, ce matin, mat, du mat
part afternoon: de l'après-midi, l'après-midi, après-midi, cet après-midi, aprem, aprèm, cet aprem, dans l'après-midi
part afternoon: cette aprem, de l'aprem, l'aprem
part evening: du soir, le soir, soir, en soirée, au soir, dans la soirée
part night: de la nuit, la nuit, dans la nuit
clock 720: midi, à midi, ce midi, le midi
clock 1440: minuit, à minuit
plus 30: et demie, et demi, et d'mi
plus 15: et quart, et un quart
plus -15: moins le quart, moins quart, moins un quart
and: et
less: moins
times 100: cent, cents
times 1000: mille
times 1000000: million, millions
half: et demi, et demie
point: virgule
beside: juste, seulement, pour, nous sommes, on est, on sera, nous serons, serons, s'il vous plaît, svp, personnes, pers, gens
beside: merci, au total, en tout, total, billets, places, table pour, une table pour, adultes, enfants, nuits, c'est, il y a
beside: de, oui, bonjour, ok, on, nous, sera, ans, j'ai, je veux, je voudrais, j'en veux, jours, fois, euros, euro, dollars
beside: kilos, kg, km, étoiles, étoile, degrés, unités, pièces, chacun, il, faut, en
"""
