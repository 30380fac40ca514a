"""How a conversation behaves, a test for each row of the table of semantics. What runs flows proves itself by all of them.

    class TestMine(Semantics):
        @pytest.fixture
        def talk(self): ...

``talk`` makes, from flow texts and fields of ``BotSpec``, somebody who talks to that bot, with the methods of
``vaiven.testing.talk.Talk``.
"""

from vaiven.testing.semantics.calls import Calls
from vaiven.testing.semantics.going import Going
from vaiven.testing.semantics.words import Words

__all__ = ["Semantics"]


class Semantics(Words, Calls, Going):
    """Every row."""
