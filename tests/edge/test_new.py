"""``vaiven new``: every template is a project that is well at once, and nothing is written over."""

import json
from pathlib import Path

import pytest
import yaml

from vaiven.edge.cli import run
from vaiven.edge.cli.new import TEMPLATES


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_is_well_and_passes_its_tests(template: str, monkeypatch, capsys) -> None:
    assert run(["new", "my-first", "--template", template]) == 0
    assert "vaiven dev bots/my_first" in capsys.readouterr().out
    monkeypatch.chdir("my-first")
    assert run(["check", "--strict"]) == 0, capsys.readouterr().out
    assert "no problems" in capsys.readouterr().out
    assert run(["test"]) == 0, capsys.readouterr().out
    assert "all hold" in capsys.readouterr().out
    # All that a project has: also its flow in another language, and a test of that.
    files = {"/".join(each.parts) for each in Path().rglob("*") if each.is_file()}
    here = {each.removeprefix("flows/my_first/") for each in files if each.startswith("flows/my_first/")}
    (flow,) = (each.removesuffix(".flow.yaml") for each in here if each.endswith(".flow.yaml"))
    assert here == {f"{flow}.flow.yaml", f"{flow}.es.yaml", f"{flow}.test.yaml", "spanish.test.yaml"}
    assert {"bots/my_first/bot.yaml", ".env.example", ".vscode/extensions.json", ".gitignore", "README.md"} <= files
    assert run(["fmt", "--check"]) == 0, capsys.readouterr().out
    # Nothing of the template's own names is left, and every file of settings can be read.
    for file in (each for each in Path().rglob("*") if each.suffix != ".pyc"):
        if file.is_file() and not file.name.endswith(".schema.json"):
            assert not {"NAME", "FOLDER", "TRY"} & set(file.read_text().replace("|", " ").split()), file
    settings = json.loads(Path(".vscode/settings.json").read_text())
    assert len(settings["yaml.schemas"]) == 3
    for schema, globs in settings["yaml.schemas"].items():
        assert json.loads(Path(schema).read_text())["$schema"].startswith("http://json-schema.org/draft-07")
        assert any(Path(each).match(glob) for each in files for glob in ([globs] if isinstance(globs, str) else globs))
    steps = yaml.safe_load(Path(".github/workflows/check.yml").read_text())["jobs"]["check"]["steps"]
    commands = [step["run"].split()[:2] for step in steps if "run" in step]
    assert commands == [["pip", "install"], ["vaiven", "check"], ["vaiven", "test"]]


def test_the_readme_names_what_is_there(monkeypatch) -> None:
    assert run(["new", "table-booking", "--template", "booking"]) == 0
    text = Path("table-booking/README.md").read_text()
    assert text.startswith("# table-booking\n")
    for path in ("bots/table_booking/bot.yaml", ".env.example", ".vscode/", ".github/workflows/check.yml"):
        assert f"`{path}`" in text
        assert Path("table-booking", path).exists()


def test_nothing_is_written_over(capsys) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    assert run(["new", "mine"]) == 3
    assert "not empty" in capsys.readouterr().err
    assert [file.name for file in Path("mine").iterdir()] == ["notes.txt"]
    Path("file").write_text("")
    assert run(["new", "file"]) == 3
    assert Path("file").read_text() == ""


def test_an_empty_folder_is_taken() -> None:
    Path("mine").mkdir()
    assert run(["new", "mine"]) == 0
    assert Path("mine/flows/mine/hello.flow.yaml").is_file()


@pytest.mark.parametrize("name", ["../up", "My-Bot", "a b", "-x", "a_b", ""])
def test_a_name_is_small_letters_digits_and_hyphens(name: str, capsys) -> None:
    assert run(["new", "--", name]) == 2
    assert list(Path().iterdir()) == []


def test_a_template_adds_to_what_all_have() -> None:
    assert run(["new", "one", "--template", "otp"]) == 0
    assert run(["new", "two"]) == 0
    one, two = (Path(name, ".env.example").read_text() for name in ("one", "two"))
    assert one.startswith(two)
    assert "OTP_SECRET=" in one
    assert "OTP_SECRET" not in two
