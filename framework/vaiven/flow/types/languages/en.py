"""English."""

from vaiven.flow.types.languages import words

_ONES = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
_NTH = words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth "
    "seventeenth eighteenth nineteenth"
)


def _spoken() -> dict[str, int]:
    numbers = {word: value for value, word in enumerate(_ONES)}
    for ten, word in enumerate(_TENS, 2):
        numbers[word] = ten * 10
        numbers |= {f"{word} {one}": ten * 10 + value for value, one in enumerate(_ONES[1:10], 1)}
    return numbers | {"a couple": 2, "a couple of": 2, "a dozen": 12, "half a dozen": 6, "fourty": 40}


SPOKEN = _spoken()
AND = "and"
TABLE = """
holiday 1225: christmas, christmas day, xmas, xmas day, x mas
holiday 1224: christmas eve, xmas eve
holiday 1226: boxing day
holiday 1231: new years eve, nye, new year eve
holiday 101: new years day, new years, new year, new year day
holiday 214: valentines day, valentines, valentine day
holiday 1031: halloween
weekssuffix 1: week
part noon: lunch, lunchtime, at lunch, at lunchtime
tenths 5: half, a half
times 1000: k
beside: will, person, guest, adult
skip: please, pls, plz, thanks, thank you, thx, ty, cheers, ok, okay, sure, yes, yeah, yep, hi, hello, hey, um, uh, hmm, well
skip: then, so
skip: lets say, lets do, lets go for, lets go with, lets make it, make it, i would like, id like, i want, id prefer
skip: i would prefer, i prefer, id say, i think
skip: i will take, ill take, ill come, ill be there, i can do, i can come, i can make it, we can do, can we do, can i do
skip: could we do, could you do
skip: how about, what about, put me down, book me in, book me, book it, book, it is, its, it was, that would be
skip: would be great, would be good
skip: would be perfect, would be nice, is fine, is good, is ok, is perfect, is great, works, works for me, works best
skip: would work, would suit, suits me
skip: sounds good, if possible, if you can, if thats ok, perfect, great, good, fine, for me, for us, the, for, of, in the
skip: date, time, day, the date is, sharp, local time, my birthday is, i was born, born, my birthday
skip: some time, see you, we, i, meet, come, starting, from today on, lol, thatll be, anytime, exactly, as in
on: on, on the, the
of: of
day 0: today, 2day, todays, this day
day 1: tomorrow, tomorow, tommorow, tommorrow, tmrw, tmr, tmrrw, tom, 2moro, 2morrow, tomoz, morrow
day 2: day after tomorrow, the day after tomorrow, day after tmrw, overmorrow
day -1: yesterday, yday, ystd
day -2: day before yesterday, the day before yesterday
tonight: tonight, 2nite, tonite, 2night
weekday 0: monday, mon, mondays
weekday 1: tuesday, tue, tues, tuesdays
weekday 2: wednesday, wed, weds, wednes, wensday, wednsday, wendsday, wednesdays
weekday 3: thursday, thu, thur, thurs, thursdays
weekday 4: friday, fri, fridays
weekday 5: saturday, sat, saturdays
weekday 6: sunday, sun, sundays
month 1: january, jan
month 2: february, feb, febuary
month 3: march, mar
month 4: april, apr
month 5: may
month 6: june, jun
month 7: july, jul
month 8: august, aug
month 9: september, sep, sept
month 10: october, oct
month 11: november, nov
month 12: december, dec
nth 20: twentieth
nth 30: thirtieth
suffix: st, nd, rd, th
next: next, nxt
this: this, this coming, coming, the coming
last: last, past, previous
week 1: next week, nxt week, the week after, the following week
week 0: this week, later this week
week -1: last week
week 2: the week after next
weeks 1: a week from, a week on, week on, a week after
monthof 1: next month, of next month
monthof 0: this month, of this month
monthof -1: last month
in: in, within
ahead: from now, from today, today, later, time, hence
ago: ago, back
unit minute: minute, minutes, min, mins, m
unit hour: hour, hours, hr, hrs, h
unit day: day, days, night, nights
unit week: week, weeks, wk, wks
unit fortnight: fortnight, fortnights
unit month: month, months
unit year: year, years, yr, yrs
one: a, an
span 30: half an hour, half hour, half a hour, half an hr
span 15: quarter of an hour
span 90: an hour and a half, one and a half hours, hour and a half
now: now, right now, asap right now, immediately, straight away, right away
at: at, @, starting at, by the time of
oclock: oclock, o clock, hrs, hours, h
part am: am, a m
part pm: pm, p m
part morning: in the morning, morning, early morning, this morning, in the early morning, mornin
part afternoon: in the afternoon, afternoon, arvo, aft
part evening: in the evening, evening, eve
part night: at night, night, in the night
clock 720: noon, midday, 12 noon, noontime, high noon, 12 midday
clock 1440: midnight, 12 midnight
past 30: half past, half, half after
past 15: quarter past, a quarter past, quarter after, a quarter after
past -15: quarter to, a quarter to, quarter till, quarter of, quarter til, quarter before
after: past, after, minutes past, minutes after, mins past
before: to, till, til, before, minutes to, minutes before, mins to, minutes til
times 100: hundred, hundreds
times 1000: thousand, grand
times 1000000: million, millions, mil
half: and a half
point: point
beside: just, only, for, we, are, us, of, please, people, persons, guests, pax, thanks, in total, total, tickets, table for
beside: there, will be, be, we will be, well be, its, it is, were, adults, kids, children, nights, seats, thank you, about us
beside: all, make it, the number is, id say, pieces, items, i want, i need, id like, ok, hi, hello, yes, sure, and thats it
beside: years, years old, im, i am, days, times, euros, euro, dollars, bucks, pounds, kg, kilos, km, percent of it, units
beside: stars, star, out of, degrees, each, apiece
"""


def _ordinals() -> str:
    words = {word: value for value, word in enumerate(_NTH, 1)}
    for ten, word in ((20, "twenty"), (30, "thirty")):
        words |= {f"{word} {nth}": ten + value for value, nth in enumerate(_NTH[:9], 1) if ten + value <= 31}
    return "\n".join(f"nth {value}: {word}" for word, value in words.items())


TABLE += _ordinals()
