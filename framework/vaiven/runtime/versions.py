"""Older shapes of flows, fetched when somebody turns out to stand in one. A bot starts with its current flows only."""

import logging
from collections.abc import Iterable

from vaiven.flow.load import load_flow
from vaiven.flow.step import FlowSet
from vaiven.model.contacts import ContactState
from vaiven.model.errors import SettingsError
from vaiven.stores.contract import Store

log = logging.getLogger("vaiven.versions")


class Versions:
    """Fills a bot's flows from what was published to the store before."""

    def __init__(self, store: Store, flows: FlowSet) -> None:
        self._store = store
        self._flows = flows
        self._lost: set[str] = set()

    def known(self, states: Iterable[ContactState]) -> bool:
        """Whether every shape that these contacts stand in is runnable, or lost for good."""
        known, lost = self._flows.shapes, self._lost
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
        known, lost = self._flows.shapes, self._lost
        for state in states:
            for session in state.sessions.values():
                for frame in session.frames:
                    if frame.shape not in known and frame.shape not in lost:
                        await self._fetch(frame.flow, frame.shape)

    async def _fetch(self, flow: str, shape: str) -> None:
        version = await self._store.shape(shape)
        if version is not None:
            document, _ = load_flow(version.source, f"{flow}@{version.hash}", self._flows.spec.params)
            if document is not None:
                try:
                    self._flows.learn(document)
                except SettingsError as error:
                    log.error("flow %s, shape %s, does not compile any more: %s", flow, shape, error)
        if shape not in self._flows.shapes:
            log.error("flow %s, shape %s, is lost: sessions in it end", flow, shape)
            self._lost.add(shape)
