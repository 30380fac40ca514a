"""What people call days, hours and numbers, one module a language: tables to read aloud, no rules.

A line is ``class value: phrase, phrase``; what a class means stands in ``vaiven.flow.types.lexicon``. Phrases are folded when
they are loaded, so accents may be written. ``SPOKEN`` gives the numbers from 0 on that are one word or a few.
"""


def words(text: str) -> list[str]:
    """A list of words, as it is written in these tables."""
    return text.split()
