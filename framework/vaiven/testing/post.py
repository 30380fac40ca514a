"""A text message to a bot that serves, as Twilio would post it: ``python -m vaiven.testing.post URL FROM TEXT``.

``URL`` is where the bot listens. Account, token and the address that is signed come from the environment of the bot.
"""

import argparse
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from vaiven.testing.webhooks import Webhook, twilio_message

NEEDED = ("PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
TIMEOUT_S = 10.0


def message(environ: Mapping[str, str], url: str, sender: str, text: str, sid: str, to: str) -> Webhook:
    """The signed webhook. ``environ`` is that of the bot. Raises KeyError for a variable that is not set."""
    public = environ["PUBLIC_URL"].rstrip("/") + urlsplit(url).path
    account, token = environ["TWILIO_ACCOUNT_SID"], environ["TWILIO_AUTH_TOKEN"]
    return twilio_message(public, token, account=account, sid=sid, sender=sender, to=to, text=text)


def main(args: Sequence[str] | None = None) -> int:
    """The command line. It prints the status that the bot answers; exit code 1: none, or not 200."""
    told = f"A signed Twilio webhook with a text message. From the environment: {', '.join(NEEDED)}."
    parser = argparse.ArgumentParser(prog="python -m vaiven.testing.post", description=told)
    parser.add_argument("url", metavar="URL", help="where the bot listens: http://127.0.0.1:8080/hooks/sms")
    parser.add_argument("sender", metavar="FROM", help="who writes: +12025550123")
    parser.add_argument("text", metavar="TEXT", help="what they write")
    parser.add_argument("--id", help="the message's id; the same again is the same message. Any unless given")
    parser.add_argument("--to", default="+12025550100", help="the bot's number (default %(default)s)")
    given = parser.parse_args(args)
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        parser.error(f"not in the environment: {', '.join(missing)}")
    if not given.url.startswith(("http://", "https://")):
        parser.error(f"{given.url} is no web address")
    sid = given.id or f"SM{secrets.token_hex(16)}"
    webhook = message(os.environ, given.url, given.sender, given.text, sid, given.to)
    request = urllib.request.Request(given.url, webhook.body, dict(webhook.headers))
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            sys.stdout.write(f"{answer.status}\n")
    except urllib.error.HTTPError as error:
        sys.stdout.write(f"{error.code}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{given.url} does not answer: {getattr(error, 'reason', error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
