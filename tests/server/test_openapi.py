"""The API is attacked from its own document: whatever is sent, it answers as that says, and never with a 5xx.

What is accepted is no question here: a schema cannot say that a label is one of the project's, and where a row that is
there takes the place of one that is not, or the token is added, nothing is wrong with a request any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, CheckFunction, GenerationMode, SerializationContext
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema
from served import Served, routes, served

from alframe.server.app import PREFIX

NOT_ASKED: list[CheckFunction] = [positive_data_acceptance, negative_data_rejection]
EXAMPLES = 6
"""Of each operation: with the values that its schema allows, and with some that it does not."""


@schemathesis.serializer("application/zip")
def as_it_is(_: SerializationContext, value: Any) -> Any:
    """An archive is bytes already."""
    return value


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service whose ``admin`` does everything that anybody might, on each kind of database."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres").new_database()
    with served(tmp_path_factory.mktemp("attacked"), url) as made:
        yield made


@pytest.fixture(scope="module")
def document(attacked: Served) -> OpenApiSchema:
    """What the service says of itself."""
    return schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", attacked.app)


@pytest.mark.parametrize("name", routes())
def test_it_answers_as_its_document_says(attacked: Served, document: OpenApiSchema, name: str) -> None:
    method, path = name.split()
    operation = document[f"{PREFIX}{path}"][method]
    headers = {"Authorization": f"Bearer {attacked.token('admin')}"}
    there = {
        "project": attacked.animals.id,
        "user": attacked.people["viewer"].id,
        "assignment": attacked.leases["admin"].assignment_id,
        "item": attacked.leases["admin"].item_id,
        "task": attacked.waiting,
        "webhook": 1,
    }

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), st.booleans())
    def attack(case: Case[Any], met: bool) -> None:
        if met or "user" in case.path_parameters:  # another password for the admin would end the attack
            case.path_parameters.update({name: there[name] for name in case.path_parameters})
        case.call_and_validate(headers=headers, excluded_checks=NOT_ASKED)

    attack()
    assert attacked.client("admin").get(f"{PREFIX}/users").status_code == 200
