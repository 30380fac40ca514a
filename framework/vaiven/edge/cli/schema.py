"""``vaiven schema``: the flow language as a JSON Schema, for editors."""

import json
from pathlib import Path

import click


@click.command(short_help="Print the JSON Schema of flow files, for editors.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--tests", is_flag=True, help="That of test files, *.test.yaml, in place of that of flows.")
def schema(output: Path | None, tests: bool) -> int:
    """Print the flow language as a JSON Schema (draft-07): editors complete and check flow files by it while you type.

    With the YAML language server, write it to a file and name that in the first line of a flow:

    \b
      # yaml-language-server: $schema=../../flow.schema.json
    """
    if tests:
        from vaiven.testing.flowtests.schema import test_schema as made
    else:
        from vaiven.flow.schema import flow_schema as made

    text = json.dumps(made(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
    return 0
