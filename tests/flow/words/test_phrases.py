"""The tables of phrases: every one is read as its table says, but for those that are known to fail."""

from pathlib import Path

import pytest

from vaiven.testing.phrases import Phrase, read_phrases

TABLES = Path(__file__).parent / "phrases"
PHRASES = [phrase for table in sorted(TABLES.rglob("*.txt")) for phrase in read_phrases(table)]
KINDS = sorted({(phrase.listener.lang, phrase.kind) for phrase in PHRASES})


def row(phrase: Phrase) -> tuple[str, str, str, str, str]:
    return phrase.listener.lang, phrase.kind, phrase.raw, phrase.value or "-", phrase.read() or "-"


@pytest.mark.parametrize(("lang", "kind"), KINDS)
def test_a_table_is_read_as_it_says(lang: str, kind: str) -> None:
    failing = {tuple(line.split("\t")) for line in (TABLES / "failing.tsv").read_text("utf-8").splitlines()}
    phrases = [phrase for phrase in PHRASES if (phrase.listener.lang, phrase.kind) == (lang, kind)]
    assert {row(one) for one in phrases if one.read() != one.value} == {one for one in failing if one[:2] == (lang, kind)}


def test_each_language_has_several_hundred_phrases() -> None:
    for lang in {phrase.listener.lang for phrase in PHRASES}:
        assert len({(one.kind, one.raw) for one in PHRASES if one.listener.lang == lang}) > 500


def test_a_line_without_phrases_is_named(tmp_path: Path) -> None:
    table = tmp_path / "xx.txt"
    table.write_text("lang en\ncountry GB\nzone UTC\nnow 2026-11-18T10:00\n[date]\nnonsense\n")
    with pytest.raises(ValueError, match="nonsense"):
        list(read_phrases(table))
