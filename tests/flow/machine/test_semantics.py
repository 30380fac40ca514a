"""The rows of the table of semantics, at the step's own door."""

from collections.abc import Callable
from typing import Any

import pytest

from vaiven.flow.spec import Words
from vaiven.testing.semantics import Semantics
from vaiven.testing.talk import SMS, Talk, flows_of


class TestStep(Semantics):
    @pytest.fixture
    def talk(self) -> Callable[..., Talk]:
        def make(*texts: str, capabilities: Any = SMS, words: Any = None, **spec: Any) -> Talk:
            return Talk(flows_of(*texts, words=Words(**(words or {})), **spec), capabilities)

        return make
