"""Tests of flows, as people write them: ``*.test.yaml`` beside the flows, run against the real decider under a clock of its own.

    text ─read→ Script ─cases→ [Case, ...] ─play→ [Result, ...]        and what of the flows they touched: ``Coverage``

``vaiven test`` and the pytest plugin are two doors to the same rooms. No sockets, no store, no threads.
"""
