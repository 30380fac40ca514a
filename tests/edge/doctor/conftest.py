"""Finding one's way in what the doctor found."""

from collections.abc import Callable, Iterable

import pytest

from vaiven.edge.doctor.findings import Code, Finding, Severity

Told = Callable[[Iterable[Finding]], dict[Code, str]]


@pytest.fixture
def told() -> Told:
    """Each code with the worst that was said of it."""
    order = list(Severity)

    def worst(findings: Iterable[Finding]) -> dict[Code, str]:
        found: dict[Code, Severity] = {}
        for finding in findings:
            found[finding.code] = max(found.get(finding.code, Severity.OK), finding.severity, key=order.index)
        return {code: severity.value for code, severity in found.items()}

    return worst
