"""Whatever the description of the API allows, and much that it does not, is answered without a fault of the server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gallery.web.conftest import MakeClient
from rga.gallery.gallery import Gallery

schemathesis = pytest.importorskip("schemathesis")


@pytest.mark.slow
def test_no_request_makes_the_server_fail(people: Gallery, make_client: MakeClient) -> None:
    client = make_client(people)
    found: list[str] = []
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", client.app, headers={"host": "localhost"})
    asked = 0
    for result in schema.exclude(path="/api/events").get_all_operations():  # a stream that does not end
        operation = result.ok()
        cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode))

        @settings(max_examples=40, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=cases)
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(headers={"host": "localhost"})
            if answer.status_code >= 500:
                found.append(f"{case.as_curl_command()}: {answer.status_code}")
            if answer.status_code >= 400:
                assert answer.headers["content-type"][0] == "application/problem+json"

        ask()
    assert found == []
    assert asked > 300
    assert client.get("/api/statistics").status_code == 200
