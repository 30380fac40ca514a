"""Every transcript replays as it was written. ``pytest --update`` writes them anew: read the diff."""

from pathlib import Path

import pytest

from vaiven.testing.transcript import replay

HERE = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path: Path, request: pytest.FixtureRequest) -> None:
    written = path.read_text("utf-8")
    replayed = replay(written, HERE)
    if request.config.getoption("--update"):
        path.write_text(replayed, "utf-8")
    else:
        assert replayed == written


def test_a_changed_answer_is_found() -> None:
    written = (HERE / "tv_vote_sms.txt").read_text("utf-8")
    assert replay(written.replace("Vote 1 of 10", "Vote 9 of 10"), HERE) == written
    with pytest.raises(ValueError, match="no line such as"):
        replay("? what\n", HERE)
