"""``vaiven schema``: the languages of flows, translations and tests as JSON Schemas, for editors."""

import json
from pathlib import Path
from typing import Any

import click


@click.command(short_help="Print the JSON Schema of flow files, for editors.")
@click.argument("flow", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--tests", is_flag=True, help="That of test files, *.test.yaml, in place of that of flows.")
@click.option("--translations", is_flag=True, help="That of translations: of FLOW with every key it has, else of any flow.")
def schema(flow: Path | None, output: Path | None, tests: bool, translations: bool) -> int:
    """Print the flow language as a JSON Schema (draft-07): editors complete and check flow files by it while you type.

    With the YAML language server, write it to a file and name that in the first line of a flow:

    \b
      # yaml-language-server: $schema=../../flow.schema.json
    """
    if tests and translations:
        raise click.UsageError("One schema at a time: --tests or --translations.")
    if flow is not None and not translations:
        raise click.UsageError("Only translations have a schema for each flow: add --translations.")
    text = json.dumps(_made(flow, tests, translations), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
    return 0


def _made(flow: Path | None, tests: bool, translations: bool) -> dict[str, Any]:
    if tests:
        from vaiven.testing.flowtests.schema import test_schema

        return test_schema()
    if not translations:
        from vaiven.flow.schema import flow_schema

        return flow_schema()
    from vaiven.flow.load import load_flow
    from vaiven.flow.schema_translations import translation_schema
    from vaiven.model.errors import FlowError

    if flow is None:
        return translation_schema()
    try:
        text = flow.read_bytes().decode()
    except UnicodeDecodeError:
        raise click.UsageError(f"{flow}: the file is not UTF-8.") from None
    document, problems = load_flow(text, str(flow))
    if document is None:
        raise FlowError([problem for problem in problems if problem.is_error])
    return translation_schema(document)
