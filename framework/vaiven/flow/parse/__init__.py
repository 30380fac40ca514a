"""Source to FlowDocument: the structure of a flow file, with every problem of it."""

from vaiven.flow.parse.flow import Parsed as Parsed
from vaiven.flow.parse.flow import parse as parse
from vaiven.flow.parse.flow import parse_all as parse_all
