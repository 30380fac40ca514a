"""Spanish, of Spain and of the Americas."""

from vaiven.flow.types.languages import words

_ONES = words(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
    "diecisiete dieciocho diecinueve "
    "veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
)
_TENS = words("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_HUNDREDS = words("doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos")


def _spoken() -> dict[str, int]:
    numbers = {word: value for value, word in enumerate(_ONES)}
    for ten, word in enumerate(_TENS, 3):
        numbers[word] = ten * 10
        numbers |= {f"{word} y {one}": ten * 10 + value for value, one in enumerate((*_ONES[1:10], "un", "una"), 1) if value < 10}
        numbers |= {f"{word} y un": ten * 10 + 1, f"{word} y una": ten * 10 + 1}
    numbers |= {"una": 1, "un": 1, "veintiún": 21, "veintiuna": 21, "cien": 100, "ciento": 100}
    for hundred, word in enumerate(_HUNDREDS, 2):
        numbers |= {word: hundred * 100, f"{word[:-2]}as": hundred * 100}
    return numbers | {"una docena": 12, "media docena": 6, "un par": 2, "una pareja": 2}


SPOKEN = _spoken()
AND = "y"
TABLE = """
holiday 1225: navidad, el día de navidad, día de navidad, en navidad
holiday 1224: nochebuena, en nochebuena
holiday 1231: nochevieja, fin de año, en nochevieja
holiday 101: año nuevo, el día de año nuevo, día de año nuevo
holiday 106: reyes, el día de reyes, día de reyes, en reyes
holiday 214: san valentín
skip: mismo, misma
tenths 5: medio, media
times 1000: k
beside: persona, adulto, noche, plaza
skip: por favor, porfa, porfi, pf, gracias, muchas gracias, ok, okey, vale, sí, claro, hola, buenas, buenos días
skip: buenas tardes, pues, bueno, entonces, eh
skip: me gustaría, quisiera, quiero, prefiero, me va bien, me viene bien, nos viene bien, me parece bien, sería, que sea
skip: podría ser, puede ser, puedo, podemos, ponme, apúntame, resérvame
skip: está bien, si es posible, si puede ser, si se puede, perfecto, genial, mejor, mejor el, mejor a, para, para el, para la
skip: el día, la fecha, la hora, es, es el, es a, fue, fue el, de, del, en
skip: nací, nací el, mi cumpleaños, mi cumpleaños es el, iré, voy, vamos, nos vemos, seria el, digamos, en punto, exactas
skip: hora local, de este año, desde, con, cita, reserva, yo, y
on: el, el día, día, para el, el próximo día, este
of: de, del, de el
day 0: hoy, hoy mismo, el día de hoy
day 1: mañana, mañna, manaña, el día de mañana, mñn
day 2: pasado mañana
day 3: pasado pasado mañana, traspasado mañana
day -1: ayer
day -2: anteayer, antier, antes de ayer, antes de anoche
tonight: esta noche
weekday 0: lunes, lun, lune
weekday 1: martes, mar, mart
weekday 2: miércoles, mie, mié, mier, miercoles, mierc
weekday 3: jueves, jue, juev
weekday 4: viernes, vie, vier
weekday 5: sábado, sab, sáb, sabados
weekday 6: domingo, dom, domingos
month 1: enero, ene
month 2: febrero, feb
month 3: marzo, mar
month 4: abril, abr
month 5: mayo, may
month 6: junio, jun
month 7: julio, jul
month 8: agosto, ago
month 9: septiembre, setiembre, sep, sept, set
month 10: octubre, oct
month 11: noviembre, nov
month 12: diciembre, dic
nth 1: primero, primer
suffix: o, a, ro, er
next: próximo, proximo, próxima, que viene, siguiente, q viene, entrante, el próximo
this: este, esta, este mismo
last: pasado, último, anterior, pasada
week 1: la semana que viene, la próxima semana, la semana próxima, próxima semana, semana que viene, semana próxima
week 1: la semana q viene, la otra semana, la semana siguiente
week 0: esta semana, de esta semana
week -1: la semana pasada, semana pasada
monthof 1: mes que viene, el mes que viene, del mes que viene, del próximo mes, próximo mes, el próximo mes, del mes próximo
monthof 0: este mes, de este mes, del presente mes
monthof -1: el mes pasado, del mes pasado
in: en, dentro de, de aquí a, en unos
ahead: a partir de hoy, a partir de ahora, después, más tarde
back: hace
ago: atrás
unit minute: minuto, minutos, min, mins
unit hour: hora, horas, h, hs, hrs
unit day: día, días, dias
unit week: semana, semanas, sem
unit month: mes, meses
unit year: año, años
span 30: media hora, una media hora
span 15: un cuarto de hora
span 90: hora y media, una hora y media
now: ahora, ahora mismo, ya mismo, ya, ahorita
at: a las, a la, a eso, alas, sobre, a las las, las, la, para las, para la
oclock: horas, hs, h, hrs, hora, en punto
part am: am, a m
part pm: pm, p m
partafter morning: mañana
part morning: de la mañana, por la mañana, en la mañana, x la mañana, esta mañana, a la mañana, por la mañanita
part afternoon: de la tarde, por la tarde, en la tarde, tarde, x la tarde, a la tarde
part night: de la noche, por la noche, en la noche, noche, x la noche, a la noche
part dawn: de la madrugada, de madrugada, madrugada, por la madrugada
part noon: del mediodía, del medio día
clock 720: mediodía, al mediodía, a mediodía, medio día, a medio día, al medio día, el mediodía
clock 1440: medianoche, a medianoche, media noche, a media noche, a la medianoche
past -15: cuarto para las, cuarto para la, un cuarto para las, cuarto para, faltan quince para las
plus 30: y media, i media
plus 15: y cuarto, y un cuarto, i cuarto
plus -15: menos cuarto, menos un cuarto
and: y, con
less: menos
before: para las, para la, minutos para las, minutos para la
times 100: cientos
times 1000: mil
times 1000000: millón, millones
half: y medio, y media
point: coma, punto
beside: solo, sólo, para, somos, seremos, vamos a ser, de, por favor, personas, gente, pax, gracias, en total, total, entradas
beside: mesa para, una mesa para, adultos, niños, noches, plazas, nosotros, pues, ok, sí, hola, son, es, serían, en, unidades
beside: años, tengo, quiero, quisiera, días, veces, euros, euro, pesos, dólares, kilos, kg, km, estrellas, estrella, grados
beside: cada uno, piezas, me, necesito, vamos, que sean, la
"""
