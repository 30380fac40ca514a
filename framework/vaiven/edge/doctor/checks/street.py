"""The public address, asked as a provider would ask it."""

from collections.abc import Iterator

from vaiven.edge.doctor.facts import Answered, DoorFacts, StreetFacts
from vaiven.edge.doctor.findings import Code, Finding, fail, ok, warn

SLOW_S = 1.0
"""Meta wants nearly all webhooks answered by then."""
CERTIFICATE_S = 14 * 86_400
FORBIDDEN = b"forbidden"
"""What every channel answers to whatever is not signed."""
RETRIES = "#rc=3&rp=all"
"""Three more tries, on any failure.  Source: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides"""


def check_street(facts: StreetFacts) -> Iterator[Finding]:
    """Whether providers reach us, and nobody else reaches more than they should."""
    if not facts.public_url:
        if facts.doors:
            yield fail(Code.PUBLIC_URL, "there is none, so providers cannot reach us", "public_url: https://… in bot.yaml.")
        return
    if not facts.public_url.startswith("https://"):
        told = f"{facts.public_url} is for this machine only"
        yield warn(Code.PUBLIC_URL, told, "public_url: https://…, with a proxy that has the certificate.")
    else:
        yield ok(Code.PUBLIC_URL, facts.public_url)
    yield from _certificate(facts)
    for door in facts.doors:
        yield _unsigned(door)
        if door.handshake is not None:
            yield _handshake(door, door.handshake)
        if door.type == "twilio":
            told = "Twilio does not repeat a webhook that failed unless its address says so, which cannot be seen from here"
            yield warn(Code.TWILIO_RETRIES, told, f"At Twilio, the number's webhook is to be {door.url}{RETRIES}", door.name)
    if facts.metrics is not None and facts.metrics.status is not None:
        if facts.metrics.status == 200:
            told = f"{facts.public_url}/metrics can be read by everybody"
            yield warn(Code.EXPOSED, told, "Let the proxy pass /hooks/ only.")
        else:
            yield ok(Code.EXPOSED, "health and metrics stay inside")


def _certificate(facts: StreetFacts) -> Iterator[Finding]:
    left = [door.unsigned.certificate_s for door in facts.doors if door.unsigned.certificate_s is not None]
    if left:
        days = min(left) / 86_400
        if min(left) < CERTIFICATE_S:
            told = f"good for {days:.0f} more days"
            yield warn(Code.CERTIFICATE, told, "Renew it, and see why it did not renew itself.")
        else:
            yield ok(Code.CERTIFICATE, f"good for {days:.0f} more days")


def _unsigned(door: DoorFacts) -> Finding:
    answer = door.unsigned
    if answer.status is None:
        cure = "See DNS, the certificate, the firewall and the proxy; this was asked from here, not from the provider."
        return fail(Code.WEBHOOK, f"POST {door.url}: {answer.error}", cure, door.name)
    if answer.status == 403 and answer.body == FORBIDDEN:
        if answer.seconds > SLOW_S:
            told = f"refuses what is not signed, but takes {answer.seconds:.1f} s for it"
            return warn(Code.WEBHOOK, told, "Providers give up on slow answers: see what stands between.", door.name)
        return ok(Code.WEBHOOK, f"reached in {answer.seconds * 1000:.0f} ms, refuses what is not signed", door.name)
    if answer.status == 403:
        told = f"POST {door.url}: a 403 that is not ours"
        return fail(Code.WEBHOOK, told, "Something before the bot refuses providers: let it pass /hooks/.", door.name)
    told = f"POST {door.url} without a signature was answered {answer.status}, not 403"
    return fail(Code.WEBHOOK, told, _cure(answer), door.name)


def _cure(answer: Answered) -> str:
    status = answer.status or 0
    if 200 <= status < 300:
        return "Something else answers there, and would lose every message: lead /hooks/ to the bot."
    if 300 <= status < 400:
        return "Providers sign the address they post to: give them, and public_url, the one at the end of the redirect."
    if status == 404:
        return "Lead /hooks/ to the bot, unchanged, and see that it runs with this bot.yaml."
    if status in (502, 503, 504):
        return "The proxy is reached and the bot is not: see that it runs, and where the proxy leads."
    return "Lead /hooks/ to the bot, unchanged."


def _handshake(door: DoorFacts, answer: Answered) -> Finding:
    if answer.status == 200 and answer.body == door.challenge.encode():
        return ok(Code.HANDSHAKE, "the handshake is answered", door.name)
    if answer.status is None:
        return fail(Code.HANDSHAKE, f"no answer: {answer.error}", "As for the webhook.", door.name)
    if answer.status == 403:
        told = "the running bot has another verify_token than this command"
        return fail(Code.HANDSHAKE, told, "Give both the same environment, and restart the bot.", door.name)
    told = f"the handshake was answered {answer.status} and not with its word"
    return fail(Code.HANDSHAKE, told, "Lead GET /hooks/ to the bot too, with its query.", door.name)
