"""Results in the format that build servers read: a suite a file, a case a talk."""

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as Xml

from vaiven.flow.problems import Problem
from vaiven.testing.flowtests.playing import Result
from vaiven.testing.flowtests.telling import told

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Mapping[str, Sequence[Result]], broken: Mapping[str, Sequence[Problem | str]], seconds: float) -> str:
    """One document. ``broken`` are files that could not be played, each with why."""
    suites = Xml.Element("testsuites", name="vaiven", time=f"{seconds:.3f}")
    for file, found in results.items():
        failed = sum(result.failure is not None for result in found)
        suite = Xml.SubElement(suites, "testsuite", name=file, tests=str(len(found)), failures=str(failed), errors="0")
        for result in found:
            case = Xml.SubElement(suite, "testcase", classname=file, name=_clean(result.case.name))
            if result.failure is not None:
                failure = Xml.SubElement(case, "failure", message=_clean(result.failure.text))
                failure.text = _clean(told(result))
    for file, problems in broken.items():
        suite = Xml.SubElement(suites, "testsuite", name=file, tests="1", failures="0", errors="1")
        error = Xml.SubElement(
            Xml.SubElement(suite, "testcase", classname=file, name="reads"), "error", message="cannot be played"
        )
        error.text = _clean("\n".join(map(str, problems)))
    Xml.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(suites, encoding="unicode")}\n'


def _clean(text: str) -> str:
    """Without what XML cannot say."""
    return _FORBIDDEN.sub("�", text)
