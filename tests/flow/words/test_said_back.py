"""A flow that says back what was assumed, in its own language."""

from vaiven.testing.talk import Talk, flows_of

BOOKING = """
flow: booking
version: 1
lang: es
zone: Europe/Madrid
starts: [{keyword: reserva}]
steps:
  day:
    ask: "¿Qué día?"
    as: {date: {min: today, prefer: future}}
    retry: ["No he entendido el día."]
    else: bye
    reject: {min: past}
  hour: {ask: "¿A qué hora?", as: time, retry: ["No he entendido la hora."], else: bye}
  done:
    say:
      - "{day} {hour}."
      - {if: day.assumed != null or hour.assumed != null, text: "¿Es correcto?"}
  bye: {end: "Adiós.", outcome: done}
  past: {say: "Ese día ya pasó.", then: day}
"""


def test_what_was_assumed_is_said_back() -> None:
    talk = Talk(flows_of(BOOKING, country="ES"))
    assert talk.say("reserva") == ["¿Qué día?"]
    assert talk.say("mañana a las 25") == ["No he entendido el día."]
    assert talk.say("ayer") == ["Ese día ya pasó.", "¿Qué día?"]
    assert talk.say("25/12/2099") == ["¿A qué hora?"]
    assert talk.say("a las cinco")[0] == "2099-12-25 17:00.\n¿Es correcto?"


def test_what_was_said_in_full_is_not_asked_back() -> None:
    talk = Talk(flows_of(BOOKING, country="ES"))
    talk.say("reserva")
    talk.say("25/12/2099")
    assert talk.say("5 de la tarde")[0] == "2099-12-25 17:00."
