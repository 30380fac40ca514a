"""Proofs of origin, against what the providers published and against the standard library."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiven.channels.signing import (
    Keyring,
    check_meta,
    check_twilio,
    check_twilio_body,
    full_url,
    run_plain_together,
    same,
    sign_meta,
    sign_twilio,
    twilio_base,
)
from vaiven.model.errors import SignatureMismatch

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PARAMS = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
KEYS = Keyring(["12345"], "sha1")

PUBLISHED = [
    ("as it is", URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("https, a port that Twilio leaves out", URL.replace(".com", ".com:1234"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (
        "http, a port that Twilio leaves in",
        URL.replace(".com", ".com:1234").replace("https", "http"),
        "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
    ),
    ("https, the port that we leave out", URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    ("http, the port that we leave out", URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
]


@pytest.mark.parametrize(("what", "url", "signature"), PUBLISHED)
def test_twilios_published_vectors_are_met(what: str, url: str, signature: str) -> None:
    check_twilio(KEYS, url, PARAMS.items(), signature)


def test_we_sign_as_twilio_does() -> None:
    assert sign_twilio(URL, PARAMS, "12345") == PUBLISHED[0][2]


def test_names_that_come_twice_are_signed_once_a_value_and_sorted() -> None:
    pairs = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    published = "IK+Dwps556ElfBT0I3Rgjkr1wJU="
    assert sign_twilio(URL, pairs, "12345") == sign_twilio(URL, [*pairs, pairs[0]], "12345") == published
    check_twilio(KEYS, URL, reversed(pairs), published)


@given(st.lists(st.tuples(st.sampled_from("abcAB"), st.text(max_size=3)), max_size=6))
def test_names_and_values_in_turn_are_run_together_as_pairs_are(pairs: list[tuple[str, str]]) -> None:
    assert run_plain_together([part for pair in pairs for part in pair]) == twilio_base("", pairs)


def test_a_body_that_is_no_form_is_signed_by_its_digest() -> None:
    body = b'{"property": "value", "boolean": true}'
    url = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    check_twilio_body(KEYS, url, body, "a9nBmqA0ju/hNViExpshrM61xv4=")
    for wrong in (
        (url, body + b" ", "a9nBmqA0ju/hNViExpshrM61xv4="),
        (url, body, "b9nBmqA0ju/hNViExpshrM61xv4="),
        (URL, body, sign_twilio(URL, {}, "12345")),
    ):
        with pytest.raises(SignatureMismatch):
            check_twilio_body(KEYS, *wrong)


def test_the_fragment_with_connection_overrides_is_not_signed() -> None:
    check_twilio(KEYS, f"{URL}#rc=3&rp=all", PARAMS.items(), PUBLISHED[0][2])


@pytest.mark.parametrize(
    "url", ["https://u:p@host.example/a?b=c", "https://[2001:db8::1]/a", "http://[2001:db8::1]:8080/a", "https://host.example"]
)
def test_every_form_of_a_url_is_signed_with_and_without_its_port(url: str) -> None:
    check_twilio(KEYS, url, (), sign_twilio(url, {}, "12345"))


def test_a_url_with_user_and_port_is_known_without_the_port() -> None:
    check_twilio(KEYS, "https://u:p@[2001:db8::1]:8443/a", (), sign_twilio("https://u:p@[2001:db8::1]/a", {}, "12345"))


@pytest.mark.parametrize(
    "signature", [None, "", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", "ü", "\udcff", " " * 28]
)
def test_a_wrong_signature_is_refused_and_the_right_one_never_told(signature: str | None) -> None:
    with pytest.raises(SignatureMismatch) as refused:
        check_twilio(KEYS, URL, PARAMS.items(), signature)
    assert "RSOY" not in str(refused.value)


def test_two_secrets_are_good_at_once_and_a_third_is_not() -> None:
    keys = Keyring(["old", "new"], "sha1")
    for token in ("old", "new"):
        check_twilio(keys, URL, PARAMS.items(), sign_twilio(URL, PARAMS, token))
    with pytest.raises(SignatureMismatch):
        check_twilio(keys, URL, PARAMS.items(), sign_twilio(URL, PARAMS, "older"))


@pytest.mark.parametrize("secrets", [[], [""], ["good", ""]])
def test_there_is_no_keyring_without_a_secret(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="missing"):
        Keyring(secrets, "sha256")


# RFC 4231, test cases 1, 2 and 7.
RFC_4231 = [
    ("\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    ("Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
]


@pytest.mark.parametrize(("secret", "body", "mac"), RFC_4231)
def test_meta_signs_with_plain_hmac_sha256(secret: str, body: bytes, mac: str) -> None:
    assert sign_meta(body, secret) == f"sha256={mac}"
    check_meta(Keyring([secret], "sha256"), body, f"sha256={mac}")


def test_meta_signs_the_raw_bytes() -> None:
    keys = Keyring(["s"], "sha256")
    escaped = b'{"t":"\\u00e9"}'
    check_meta(keys, escaped, sign_meta(escaped, "s"))
    with pytest.raises(SignatureMismatch):
        check_meta(keys, '{"t":"é"}'.encode(), sign_meta(escaped, "s"))


@pytest.mark.parametrize(
    "wrong",
    [None, "", "sha256=", "sha1=00", "sha256=" + "0" * 64, "sha256=" + "zz" * 32, "SHA256=" + "0" * 64, "sha256=" + "é" * 64],
)
def test_a_wrong_signature_of_metas_is_refused(wrong: str | None) -> None:
    with pytest.raises(SignatureMismatch):
        check_meta(Keyring(["s"], "sha256"), b"{}", wrong)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.binary(max_size=300))
def test_a_keyring_agrees_with_the_standard_library(secret: str, message: bytes) -> None:
    for digest in ("sha1", "sha256"):
        made = hmac.digest(secret.encode(), message, digest)
        keys = Keyring([secret, "other"], digest)
        assert keys.knows(message, made)
        assert not keys.knows(message + b"x", made)


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))), st.integers(0, 27), st.integers(0, 7))
def test_no_changed_signature_passes(pairs: list[tuple[str, str]], at: int, bit: int) -> None:
    signature = bytearray(sign_twilio(URL, pairs, "12345").encode())
    check_twilio(KEYS, URL, pairs, signature.decode())
    signature[at] ^= 1 << bit
    with pytest.raises(SignatureMismatch):
        check_twilio(KEYS, URL, pairs, signature.decode("latin-1"))


def test_words_are_the_same_only_with_a_secret() -> None:
    assert same("v", ["u", "v"])
    assert not same("", ["u", ""])
    assert not same("é\udcff", ["u"])


def test_the_query_is_added_once() -> None:
    assert full_url("https://a.example/h", "x=1") == full_url("https://a.example/h?x=1", "x=1") == "https://a.example/h?x=1"
    assert full_url("https://a.example/h", "") == "https://a.example/h"
