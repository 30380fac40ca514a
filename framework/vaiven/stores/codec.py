"""How values lie in a store: msgpack, with field names, so that a newer version reads what an older one wrote."""

import msgspec

from vaiven.model.contacts import Contact, ContactState
from vaiven.model.events import Event
from vaiven.model.outbox import OutboxRow
from vaiven.model.receipts import DeliveryReceipt
from vaiven.model.turns import TurnRecord
from vaiven.model.urns import Urn

encode = msgspec.msgpack.Encoder().encode
decode_event = msgspec.msgpack.Decoder(Event).decode
decode_state = msgspec.msgpack.Decoder(ContactState).decode
decode_record = msgspec.msgpack.Decoder(TurnRecord).decode
decode_receipt = msgspec.msgpack.Decoder(DeliveryReceipt).decode
decode_row = msgspec.msgpack.Decoder(OutboxRow).decode


def fresh(home: Urn) -> ContactState:
    """Somebody never seen before."""
    return ContactState(Contact(home=home))
