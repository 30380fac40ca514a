"""Proofs of origin: Twilio's and Meta's rules, to check what they sign and to sign as they do.

Sources: https://www.twilio.com/docs/usage/security and https://developers.facebook.com/docs/graph-api/webhooks/getting-started
(read 2026-11). Every comparison takes the same time whatever differs, and no error tells what was expected.
"""

import hashlib
import hmac
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from urllib.parse import parse_qs, urlsplit, urlunsplit

from vaiven.model.errors import SignatureMismatch

Pairs = Iterable[tuple[str, str]]

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Keyring:
    """One to two active secrets and a digest: makes and checks MACs, the secret's share of the work done beforehand.

    Raises:
        ValueError: there is no secret, or an empty one. A channel without proof of origin must not come to life.
    """

    def __init__(self, secrets: Sequence[str], digest: str) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a secret is missing")
        self._begun = tuple(_begun(secret.encode(), digest) for secret in secrets)

    def digests(self, message: bytes) -> list[bytes]:
        """The MAC under each secret."""
        made = []
        for inner, outer in self._begun:
            inside, outside = inner.copy(), outer.copy()
            inside.update(message)
            outside.update(inside.digest())
            made.append(outside.digest())
        return made

    def knows(self, message: bytes, signature: bytes) -> bool:
        """Whether one of the secrets signed the message."""
        return any(hmac.compare_digest(made, signature) for made in self.digests(message))


def _begun(key: bytes, digest: str) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """The two hashes of RFC 2104 with the key's blocks in them: the library's own HMAC costs as much again for each copy."""
    inner, outer = hashlib.new(digest), hashlib.new(digest)
    if len(key) > inner.block_size:
        key = hashlib.new(digest, key).digest()
    key = key.ljust(inner.block_size, b"\0")
    inner.update(bytes(byte ^ 0x36 for byte in key))
    outer.update(bytes(byte ^ 0x5C for byte in key))
    return inner, outer


def full_url(url: str, query: str) -> str:
    """The public URL with the query as it was received, whether or not it already stands there."""
    return f"{url}?{query}" if query and "?" not in url else url


def twilio_base(url: str, params: Pairs) -> str:
    """What Twilio signs: the URL without its fragment, then each name with each of its distinct values, sorted, run together."""
    return url.partition("#")[0] + _run_together(params)


def run_plain_together(parts: Sequence[str]) -> str:
    """The same of names and values in turn, as ``read_plain`` gives them. A provider names the same fields in the same order."""
    signed = _signed_order(tuple(parts[::2]))
    return _run_together(zip(parts[::2], parts[1::2], strict=True)) if signed is None else "".join(signed(parts))


@lru_cache(maxsize=64)
def _signed_order(names: tuple[str, ...]) -> Callable[[Sequence[str]], tuple[str, ...]] | None:
    """Picks names and values in the order that they are signed in; None if a name comes twice, or none at all."""
    if not 0 < len(names) == len(set(names)):
        return None
    places = sorted(range(len(names)), key=names.__getitem__)
    return itemgetter(*[at for place in places for at in (2 * place, 2 * place + 1)])


def _run_together(params: Pairs) -> str:
    pairs = list(params)
    fields = dict(pairs)
    if len(fields) == len(pairs):  # the usual case, in half the time
        return "".join([name + fields[name] for name in sorted(fields)])
    return "".join([name + value for name, value in sorted(set(pairs))])


def sign_twilio(url: str, params: Mapping[str, str] | Pairs, token: str) -> str:
    """The ``X-Twilio-Signature`` of a form post of ``params`` to ``url``; of a GET, with the query in the URL, if there are none.

    Names may come several times: give pairs then, not a mapping.
    """
    pairs = params.items() if isinstance(params, Mapping) else params
    made = hmac.digest(token.encode(), _bytes(twilio_base(url, pairs)), "sha1")
    return b64encode(made).decode()


def sign_meta(body: bytes, secret: str) -> str:
    """The ``X-Hub-Signature-256`` of a body."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def check_twilio(keys: Keyring, url: str, params: Pairs, signature: str | None) -> None:
    """Check a signature over ``url`` (with its query) and form fields; the URL is tried as it is, without and with its port.

    Raises:
        SignatureMismatch: none of the secrets made it.
    """
    check_twilio_text(keys, url, _run_together(params), signature)


def check_twilio_text(keys: Keyring, url: str, fields: str, signature: str | None) -> None:
    """The same with the fields already sorted and run together."""
    told = _bytes(signature or "")
    base, mark, query = url.partition("#")[0].partition("?")
    rest = mark + query + fields
    for variant in _port_variants(base):
        for made in keys.digests(_bytes(variant + rest)):
            if hmac.compare_digest(b2a_base64(made, newline=False), told):
                return
    raise SignatureMismatch("X-Twilio-Signature is missing or wrong")


def check_twilio_body(keys: Keyring, url: str, body: bytes, signature: str | None) -> None:
    """Check a body that is no form: the URL's ``bodySHA256`` must be its digest, and the signature is over the URL alone.

    Raises:
        SignatureMismatch: either does not hold.
    """
    claimed = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[-1]
    if not hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), _bytes(claimed)):
        raise SignatureMismatch("the body is not the one that bodySHA256 names")
    check_twilio(keys, url, (), signature)


def check_meta(keys: Keyring, body: bytes, signature: str | None) -> None:
    """Check ``sha256=<hex>`` over the raw bytes: Meta escapes what is not ASCII, so re-serialised JSON would never match.

    Raises:
        SignatureMismatch: none of the secrets made it.
    """
    scheme, _, told = (signature or "").partition("=")
    try:
        digest = bytes.fromhex(told) if scheme == "sha256" and len(told) == 64 else b""
    except ValueError:
        digest = b""
    if not keys.knows(body, digest):
        raise SignatureMismatch("X-Hub-Signature-256 is missing or wrong")


def same(told: str, secrets: Sequence[str]) -> bool:
    """Whether a word is one of the secrets, in constant time; never without a secret."""
    return any(hmac.compare_digest(_bytes(told), secret.encode()) for secret in secrets if secret)


@lru_cache(maxsize=256)
def _port_variants(base: str) -> tuple[str, ...]:
    """The URL up to its query: as it is, without a port, and with the scheme's own port. Twilio is known to sign either."""
    parts = urlsplit(base)
    userinfo, at, host = parts.netloc.rpartition("@")
    bracket = host.rfind("]")
    colon = host.find(":", bracket + 1)
    bare = host if colon < 0 else host[:colon]
    port = _DEFAULT_PORTS.get(parts.scheme)
    hosts = [host, bare] if colon >= 0 or port is None else [host, f"{bare}:{port}"]
    urls = [urlunsplit((parts.scheme, userinfo + at + name, parts.path, "", "")) for name in hosts]
    return tuple(dict.fromkeys([base, *urls]))


def _bytes(text: str) -> bytes:
    """UTF-8; what a header or a form brought that is no text becomes a question mark, which no signature was made over."""
    return text.encode("utf-8", "replace")
