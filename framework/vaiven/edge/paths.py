"""Where things lie: the bot of a folder of flows, and the demo's bot."""

from collections.abc import Iterable
from pathlib import Path

BOT_FILE = "bot.yaml"
ACTIONS = "actions.py"
"""The Python that a bot brings along, beside its ``bot.yaml``."""
FLOWS = "*.flow.yaml"
"""What the flow files in a folder are called."""
TESTS = "*.test.yaml"
"""What their tests are called."""
_YAML = "*.yaml"


def flow_files(folder: Path) -> list[Path]:
    """The flow files of a folder and the translations beside them, by name."""
    return with_translations(folder.glob(FLOWS))


def with_translations(files: Iterable[Path]) -> list[Path]:
    """These flow files, and the translations that stand beside them."""
    from vaiven.flow.translations import language_of_file, stem_of  # most commands name no flows

    flows = {*files}
    stems = {stem_of(str(file)) for file in flows}
    beside = {
        file
        for folder in {flow.parent for flow in flows}
        for file in folder.glob(_YAML)
        if language_of_file(file.name) is not None and stem_of(str(file)) in stems
    }
    return sorted(flows | beside)


def bot_of(folder: Path) -> Path | None:
    """The file of the bot that has these flows: ``bots/NAME/bot.yaml`` for ``flows/NAME``, if it is there."""
    whole = folder.resolve()
    bot = whole.parent.parent / "bots" / whole.name / BOT_FILE
    return from_here(bot) if whole.parent.name == "flows" and bot.is_file() else None


def from_here(path: Path) -> Path:
    """The path as a person in this folder would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def demo_bot_dir(name: str = "tv_vote") -> Path:
    """The folder of one of the demo's bots: in an installed package among its data, in a checkout where it is edited."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_demo" / "bots" / name
    return installed if installed.is_dir() else package.parents[1] / "bots" / name
