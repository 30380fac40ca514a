"""Versions of flows that others published: older shapes, fetched when somebody turns out to stand in one, and newer ones.

A bot starts with its current flows only.
"""

import logging
from collections.abc import Iterable

from vaiven.flow.document import FlowDocument
from vaiven.flow.load import load_flow
from vaiven.flow.step import FlowSet
from vaiven.model.contacts import ContactState
from vaiven.model.errors import SettingsError
from vaiven.stores.contract import Store

log = logging.getLogger("vaiven.versions")


class Versions:
    """Fills a bot's flows from what is published to the store.

    ``flows`` are those of now: a set is replaced, never changed, for a turn may be under way in it.
    """

    def __init__(self, store: Store, flows: FlowSet) -> None:
        self.flows = flows
        self._store = store
        self._lost: set[str] = set()
        self._seen: dict[str, str] | None = None

    async def renew(self) -> list[str]:
        """Take up what was published since this was last asked; give the names of those flows.

        A version that does not load or compile here is not taken up: this process goes on with the one it has.
        """
        hashes = await self._store.current_hashes()
        seen, self._seen = self._seen, hashes
        if seen is None or seen == hashes:
            # A flow that was taken out of the bot's folder stays published, so at the start nothing is news.
            return []
        documents = []
        for name, hash_ in hashes.items():
            own = self.flows.flows.get(name)
            if seen.get(name) != hash_ and (own is None or own.hash != hash_):
                documents += await self._published(name, hash_)
        if not documents:
            return []
        try:
            self.flows = self.flows.renewed(documents)
        except SettingsError as error:
            log.error("new versions are not taken up: %s", error)
            return []
        names = sorted(document.name for document in documents)
        log.info("new versions are taken up: %s", ", ".join(names))
        return names

    async def _published(self, name: str, hash_: str) -> list[FlowDocument]:
        version = await self._store.flow(hash_)
        if version is None:
            return []
        document, problems = load_flow(version.source, f"{name}@{hash_}", self.flows.spec.params)
        if document is None:
            log.error("flow %s, version %s, is not taken up: it has %d problems here", name, hash_, len(problems))
        return [] if document is None else [document]

    def known(self, states: Iterable[ContactState]) -> bool:
        """Whether every shape that these contacts stand in is runnable, or lost for good."""
        known, lost = self.flows.shapes, self._lost
        return all(
            frame.shape in known or frame.shape in lost
            for state in states
            for session in state.sessions.values()
            for frame in session.frames
        )

    async def learn(self, states: Iterable[ContactState]) -> None:
        """Make every shape runnable that these contacts stand in, as far as the store has it and it still compiles.

        A session in a shape that is lost ends, with the outcome ``version_lost``.
        """
        known, lost = self.flows.shapes, self._lost
        for state in states:
            for session in state.sessions.values():
                for frame in session.frames:
                    if frame.shape not in known and frame.shape not in lost:
                        await self._fetch(frame.flow, frame.shape)

    async def _fetch(self, flow: str, shape: str) -> None:
        version = await self._store.shape(shape)
        if version is not None:
            document, _ = load_flow(version.source, f"{flow}@{version.hash}", self.flows.spec.params)
            if document is not None:
                try:
                    self.flows.learn(document)
                except SettingsError as error:
                    log.error("flow %s, shape %s, does not compile any more: %s", flow, shape, error)
        if shape not in self.flows.shapes:
            log.error("flow %s, shape %s, is lost: sessions in it end", flow, shape)
            self._lost.add(shape)
