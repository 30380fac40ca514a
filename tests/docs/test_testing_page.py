"""The examples of ``docs/testing.md`` are test files: they are written down and run, as a reader would."""

import os
import subprocess
import sys
from pathlib import Path


def test_its_examples_pass(page, root: Path, tmp_path: Path) -> None:
    blocks = [block for block in page("docs/testing.md").blocks() if block.language == "python"]
    for block in blocks:
        assert block.file is not None, f"line {block.line}: a block without a file name"
        (tmp_path / block.file).write_text(block.text, "utf-8")
    (tmp_path / "flows").symlink_to(root / "flows")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n", "utf-8"
    )
    env = {**os.environ, "PYTHONPATH": str(root / "framework"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(block.file) for block in blocks)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
