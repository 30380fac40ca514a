"""The promises of a store as tests. Subclass ``StoreContract``, supply an opened ``store``, and they run on yours.

    class TestMyStore(StoreContract):
        durable = True

        @pytest.fixture
        async def store(self, clock): ...

Each test bears the sentence of ``vaiven.stores.contract`` that it proves. None asks which store it is on.
"""

from vaiven.testing.promises.at_once import AtOnceContract
from vaiven.testing.promises.base import Owner
from vaiven.testing.promises.calls import CallContract
from vaiven.testing.promises.fleet import FleetContract
from vaiven.testing.promises.inbox import InboxContract
from vaiven.testing.promises.outbox import OutboxContract
from vaiven.testing.promises.receipts import ReceiptContract
from vaiven.testing.promises.turns import TurnContract
from vaiven.testing.promises.words import WordContract

__all__ = ["Owner", "StoreContract"]


class StoreContract(
    InboxContract, TurnContract, AtOnceContract, OutboxContract, CallContract, ReceiptContract, WordContract, FleetContract
):
    """Every promise."""
