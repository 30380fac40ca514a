"""The page of the HTTP API: its way of checking a signature takes what we send, and nothing else."""

import base64
import re
from pathlib import Path

from vaiven.runtime.happenings import KINDS, Hook
from vaiven.runtime.hooks import signed

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NOW_S = 1_767_261_600


def is_ours():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found = {}
    exec(code, found)
    found["time"] = type("Clock", (), {"time": staticmethod(lambda: NOW_S + 10)})
    return found["is_ours"]


def test_the_example_takes_what_we_sign():
    check, body = is_ours(), b'{"kind": "conversation.opened"}'
    headers = signed(Hook("desk", "https://desk.example", (b"n" * 32, KEY)), "evt_17_4096", NOW_S, body)
    assert check(SECRET, headers, body)
    assert not check(SECRET, headers, body + b" ")
    assert not check(SECRET, headers | {"webhook-id": "evt_17_4097"}, body)
    assert not check(SECRET, headers | {"webhook-timestamp": str(NOW_S + 1)}, body)
    assert not check("whsec_" + base64.b64encode(b"x" * 32).decode(), headers, body)
    assert not check(SECRET, signed(Hook("desk", "", (KEY,)), "evt_17_4096", NOW_S - 1000, body), body)


def test_every_kind_of_event_is_on_the_page():
    assert set(re.findall(r"^\| `(conversation\.\w+)` \|", PAGE, re.MULTILINE)) == set(KINDS)
