"""The first door: verify, parse, file under a home, store, and only then say 200."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

from vaiven.channels.contract import Channel, Inbound, WebhookAnswer, WebhookRequest
from vaiven.model.errors import Unreadable
from vaiven.model.events import Event, Happened, Notice, StartFlow
from vaiven.model.messages import InboundMessage
from vaiven.model.receipts import DeliveryReceipt, parse_reference
from vaiven.model.turns import Taken
from vaiven.model.urns import Identity, Urn, is_home, partition_of, urn
from vaiven.runtime.counts import Counts
from vaiven.stores.contract import Store

KNOWN_HOMES = 65_536
NOTICE_HOMES = 16


class Intake:
    """Turns provider requests into stored events. ``hand_over`` gets them, numbered, once they are durable."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        clock: Callable[[], int],
        counts: Counts,
        hand_over: Callable[[Sequence[Taken]], None],
    ) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock
        self._counts = counts
        self._hand_over = hand_over
        self._homes: OrderedDict[Urn, Urn] = OrderedDict()

    async def receive(self, name: str, request: WebhookRequest) -> WebhookAnswer:
        """Take one webhook of the channel ``name`` (KeyError if there is none). Durable when this returns.

        Raises:
            SignatureMismatch: refuse it, always in the same words.
            StoreUnavailable: nothing of it, or not all of it, is stored: the provider should come again.
        """
        channel = self._channels[name]
        channel.verify(request)
        await self.take(name, request)
        return channel.answer()

    async def take(self, name: str, request: WebhookRequest) -> list[Taken]:
        """Parse, file and store a request whose origin is proven (by its signature, or by the console's token)."""
        now_ms = self._clock()
        try:
            things: Sequence[Inbound] = self._channels[name].parse(request)
        except Unreadable as error:
            things = [Notice("unreadable", str(error), request.body or request.query.encode())]
        events = []
        for thing in things:
            if isinstance(thing, InboundMessage) and is_home(thing.sender):
                # Nobody need be asked for the home: most messages are such.
                events.append(self._filed(f"{name}:{thing.id}", thing.sender, name, now_ms, thing))
            else:
                events.append(await self._event(name, thing, now_ms))
        return await self.store(events)

    async def happen(self, id: str, address: Urn, body: Happened | StartFlow, channel: str = "") -> Taken:
        """Take something that the business says of this person, or to this resource. Durable when this returns.

        ``id`` names the happening: told again it changes nothing. ``channel`` empty: wherever the person talks to us.

        Raises:
            StoreUnavailable: it may not be stored; say it again.
        """
        home = await self._home(address, ())
        partition = partition_of(home, self._store.partitions)
        (taken,) = await self.store([Event(id, home, partition, channel, self._clock(), body)])
        return taken

    async def store(self, events: Sequence[Event]) -> list[Taken]:
        """Make events durable, then hand them over."""
        if not events:
            return []
        numbers = await self._store.accept(events)
        taken = list(map(Taken, numbers, events))
        for event in events:
            self._counts["accepted", event.channel] += 1
        self._hand_over(taken)
        return taken

    async def _event(self, name: str, thing: Inbound, now_ms: int) -> Event:
        match thing:
            case InboundMessage():
                home = await self._home(thing.sender, thing.also)
                return self._filed(f"{name}:{thing.id}", home, name, now_ms, thing)
            case DeliveryReceipt():
                return await self._receipt(name, thing, now_ms)
            case Notice():
                return self._notice(name, thing, now_ms)

    async def _receipt(self, name: str, receipt: DeliveryReceipt, now_ms: int) -> Event:
        event_id = f"{name}:{receipt.provider_id or receipt.watermark_ms}:{receipt.status}"
        if receipt.learned:
            await self._home(receipt.learned[0], receipt.learned[1:])
        # Our reference alone decides the partition: a receipt may come from an address that we know under another home.
        named = parse_reference(receipt.reference) if receipt.reference else None
        if named is not None and named[0] < self._store.partitions:
            return Event(event_id, receipt.recipient or urn("channel", name), named[0], name, now_ms, receipt)
        if receipt.recipient is None:
            return self._notice(name, Notice("receipt", f"of nobody: {receipt.word}"), now_ms)
        home = await self._home(receipt.recipient, ())
        return self._filed(event_id, home, name, now_ms, receipt)

    def _notice(self, name: str, notice: Notice, now_ms: int) -> Event:
        digest = blake2b(notice.raw or notice.reason.encode(), digest_size=8).digest()
        home = urn("channel", f"{name}/{digest[0] % NOTICE_HOMES}")
        return self._filed(f"{name}:{notice.kind}:{digest.hex()}", home, name, now_ms, notice)

    def _filed(
        self, event_id: str, home: Urn, channel: str, now_ms: int, body: InboundMessage | DeliveryReceipt | Notice
    ) -> Event:
        return Event(event_id, home, partition_of(home, self._store.partitions), channel, now_ms, body)

    async def _home(self, stable: Urn, others: tuple[Urn, ...]) -> Urn:
        """The home of an address; asked of the store once, then remembered."""
        if is_home(stable):
            return stable
        home = self._homes.get(stable)
        if home is None or any(other not in self._homes for other in others):
            (home,) = await self._store.identify([Identity(stable, others)])
            for address in (stable, *others):
                self._homes[address] = home
            while len(self._homes) > KNOWN_HOMES:
                self._homes.popitem(last=False)
        return home
