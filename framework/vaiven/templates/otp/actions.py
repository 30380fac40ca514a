"""Codes that are good for one session: made from a secret, so that nothing need be kept. Set OTP_SECRET before you go live."""

import hashlib
import hmac
import os
import secrets

from vaiven import action

_SECRET = os.environ.get("OTP_SECRET", "").encode() or secrets.token_bytes(32)


def _code(session: str) -> str:
    digest = hmac.new(_SECRET, session.encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06}"


@action("otp.make")
async def make(session: str) -> dict[str, object]:
    """The code of this session."""
    return {"code": _code(session)}


@action("otp.check")
async def check(session: str, code: str) -> dict[str, object]:
    """Whether that is its code."""
    return {"ok": hmac.compare_digest(_code(session), code)}
