"""The key ``template``: a message that the provider approved beforehand, for when nothing else may be said."""

from vaiven.flow.document import TemplateSpec
from vaiven.flow.parse.reader import Fields, Reader
from vaiven.flow.source import Mapping as Map
from vaiven.flow.source import Node, Scalar
from vaiven.flow.templates import Template


def template(reader: Reader, node: Node) -> TemplateSpec | None:
    """The name of a template, or ``{name, lang, values, payloads}``."""
    if isinstance(node, Scalar):
        name = reader.word(node, "`template`")
        return None if name is None else TemplateSpec(name, node.at)
    fields = reader.fields(node, "`template`", ("name", "lang", "values", "payloads"))
    if "name" not in fields and isinstance(node, Map):
        reader.problem("missing-key", node, "`template` needs `name`", "The name that it bears at the provider.")
    name = reader.optional(fields, "name", reader.word)
    lang = reader.optional(fields, "lang", reader.word)
    values = _several(reader, fields, "values")
    payloads = _several(reader, fields, "payloads")
    return None if name is None else TemplateSpec(name, node.at, lang, values, payloads)


def _several(reader: Reader, fields: Fields, key: str) -> tuple[Template, ...]:
    if key not in fields:
        return ()
    found = (reader.template(item, f"a text of `{key}`") for item in reader.items(fields[key].value, f"`{key}`"))
    return tuple(text for text in found if text is not None)
