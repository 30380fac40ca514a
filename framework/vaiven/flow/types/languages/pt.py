"""Portuguese, of Portugal and of Brazil."""

from vaiven.flow.types.languages import words

_ONES = words(
    "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito dezenove"
)
_TENS = words("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa")
_HUNDREDS = words("duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos")


def _spoken() -> dict[str, int]:
    numbers = {word: value for value, word in enumerate(_ONES)}
    for ten, word in enumerate(_TENS, 2):
        numbers[word] = ten * 10
        numbers |= {f"{word} e {one}": ten * 10 + value for value, one in enumerate(_ONES[1:10], 1)}
        numbers |= {f"{word} e uma": ten * 10 + 1, f"{word} e duas": ten * 10 + 2}
    for hundred, word in enumerate(_HUNDREDS, 2):
        numbers |= {word: hundred * 100, f"{word[:-2]}as": hundred * 100}
    numbers |= {"uma": 1, "duas": 2, "quatorze": 14, "dezasseis": 16, "dezassete": 17, "dezanove": 19, "cem": 100, "cento": 100}
    return numbers | {"uma dúzia": 12, "meia dúzia": 6, "um par": 2, "um casal": 2}


SPOKEN = _spoken()
AND = "e"
TABLE = """
holiday 1225: natal, no natal, dia de natal, o natal
holiday 1224: véspera de natal, na véspera de natal, noite de natal
holiday 1231: véspera de ano novo, réveillon, no réveillon
holiday 101: ano novo, dia de ano novo, no ano novo
skip: mesmo, mesma
tenths 5: meio, meia
times 1000: k
beside: adulto, noite, lugar
skip: por favor, pf, pfv, pfvr, obrigado, obrigada, obg, valeu, ok, sim, claro, olá, oi, oie, bom dia, boa tarde, boa noite
skip: então, bem, bom, ah, né
skip: eu gostaria, gostaria, queria, quero, eu quero, prefiro, pode ser, poderia ser, seria, que tal, vamos, vou, pra mim
skip: para mim, para nós, está bom, tá bom, fica bom, fica bem, é possível, se possível, se der, se puder
skip: perfeito, ótimo, beleza, blz, melhor, para, pra, pro, data, o dia, a hora, é, foi, foi em, de, do, da, em, no, na, nasci
skip: nasci em, nasci no dia, meu aniversário é, o meu aniversário é, meu aniversário
skip: marca, marque, marcar, horário, em ponto, hora local, nos vemos, consulta, reserva, eu, e, a partir
on: no dia, dia, o dia, no, ao dia, para o dia, pro dia
of: de, do
day 0: hoje, hj
day 1: amanhã, amanha, amnh, amanhâ, amha
day 2: depois de amanhã, dps de amanhã, depois de amnh
day -1: ontem
day -2: anteontem, antes de ontem
tonight: hoje à noite, esta noite, essa noite, hj à noite, logo à noite
weekday 0: segunda-feira, segunda, seg, 2a feira, 2a
weekday 1: terça-feira, terça, ter, 3a feira, 3a
weekday 2: quarta-feira, quarta, qua, 4a feira, 4a
weekday 3: quinta-feira, quinta, qui, 5a feira, 5a
weekday 4: sexta-feira, sexta, sex, 6a feira, 6a
weekday 5: sábado, sab, sáb
weekday 6: domingo, dom
month 1: janeiro, jan
month 2: fevereiro, fev
month 3: março, mar
month 4: abril, abr
month 5: maio, mai
month 6: junho, jun
month 7: julho, jul
month 8: agosto, ago
month 9: setembro, set
month 10: outubro, out
month 11: novembro, nov
month 12: dezembro, dez
nth 1: primeiro
suffix: o
next: próximo, próxima, que vem, seguinte, prox, q vem
this: este, esta, esse, essa, nesta, neste, nessa, nesse, desta, deste
last: passado, passada, último, última
week 1: semana que vem, na semana que vem, da semana que vem, próxima semana, na próxima semana, da próxima semana
week 1: semana q vem, para a semana, na outra semana
week 0: esta semana, essa semana, desta semana, nesta semana, dessa semana
week -1: semana passada, da semana passada, na semana passada
monthof 1: mês que vem, do mês que vem, do próximo mês, próximo mês, no próximo mês, no mês que vem
monthof 0: deste mês, este mês, desse mês, neste mês
monthof -1: mês passado, do mês passado
in: em, daqui a, dentro de, daqui, daki a
ahead: a partir de hoje, depois, a partir de agora, mais tarde
back: há, faz, ha
ago: atrás
unit minute: minuto, minutos, min
unit hour: hora, horas, h, hs, hrs
unit day: dia, dias
unit week: semana, semanas
unit month: mês, meses
unit year: ano, anos
span 30: meia hora, uma meia hora
span 15: um quarto de hora
span 90: uma hora e meia, hora e meia
now: agora, agora mesmo, já, neste momento, imediatamente
at: às, as, à, a, pelas, ás, para as, pras, @, aos, lá pelas horas
oclock: horas, h, hs, hrs, hora, em ponto
part am: am, a m
part pm: pm, p m
part morning: da manhã, de manhã, pela manhã, manhã, na parte da manhã, na manhã, esta manhã
part afternoon: da tarde, à tarde, de tarde, tarde, na parte da tarde, pela tarde, a tarde
part night: da noite, à noite, de noite, noite, a noite, pela noite
part dawn: da madrugada, de madrugada, madrugada
clock 720: meio-dia, ao meio-dia, meio dia, ao meio dia, o meio dia
clock 1440: meia-noite, à meia-noite, meia noite, a meia noite
clock 750: meio-dia e meia, meio dia e meia, ao meio-dia e meia
past -15: quinze para as, quinze pras, um quarto para as, quarto para as, 15 para as, 15 pras
plus 30: e meia
plus 15: e um quarto, e quarto
plus -15: menos um quarto, menos quarto
and: e
less: menos
before: para as, pras, para a, minutos para as, pra
times 100: centos
times 1000: mil
times 1000000: milhão, milhões
half: e meio, e meia
point: vírgula, ponto
beside: só, apenas, somente, para, pra, somos, seremos, vamos ser, de, por favor, pessoas, pessoa, gente, pax, obrigado
beside: obrigada, no total, ao todo, total, ingressos, bilhetes, mesa para, uma mesa para, adultos, crianças, noites, lugares
beside: nós, sim, oi, olá, são, é, ok, em, unidades, anos, tenho, quero, queria, preciso, dias, vezes, euros, euro, reais
beside: dólares, quilos, kg, km, estrelas, graus, cada, peças, eu
"""
