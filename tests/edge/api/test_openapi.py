"""The OpenAPI document: whole, and true of what is served, as schemathesis finds it with requests of its own making."""

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from vaiven.edge.api import access
from vaiven.edge.api.openapi import document
from vaiven.edge.api.problems import KNOWN
from vaiven.model.urns import Urn
from vaiven.runtime.conversations import id_of


@pytest.fixture
def store_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


async def test_it_is_served_to_anybody(office):
    status, told = await office.ask("GET", "/openapi.json", "nobody")
    assert (status, told) == (200, document(office.name))


async def test_what_is_served_is_what_it_says(office, monkeypatch):
    monkeypatch.setattr(access, "BURST", 1_000_000)
    await office.handed_over()
    schema = schemathesis.openapi.from_dict(document(office.name))
    home = id_of(Urn("tel:+12025550123"), "phone")

    def call(operation) -> None:
        @settings(
            max_examples=8,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def test(case) -> None:
            if "id" in case.path_parameters:
                case.path_parameters["id"] = home
            response = case.call(base_url=office.url, headers={"Authorization": f"Bearer {office.tokens['ana']}"}, timeout=10)
            checks = schemathesis.checks
            case.validate_response(
                response,
                checks=[
                    checks.not_a_server_error,
                    schemathesis.specs.openapi.checks.status_code_conformance,
                    schemathesis.specs.openapi.checks.content_type_conformance,
                    schemathesis.specs.openapi.checks.response_schema_conformance,
                ],
            )

        test()

    tried = 0
    for result in schema.get_all_operations():
        await asyncio.to_thread(call, result.ok())
        tried += 1
    assert tried == 12


def test_every_refusal_is_told():
    assert all(code in document("shop")["info"]["description"] for code in KNOWN)
