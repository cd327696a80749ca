"""Each write pays for each index: none is there twice."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("table", "column", "used"),
    [
        ("builders_build", "worker_id", ["worker_id", "id"]),
        ("builders_attempt", "build_id", ["build_id", "epoch"]),
        ("images_imagerequest", "status", ["status", "created_at"]),
    ],
)
def test_one_index_begins_with_the_column(table: str, column: str, used: list[str]) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table).values()

    begin_with_it = [
        told["columns"] for told in found if (told["index"] or told["unique"]) and told["columns"][0] == column
    ]
    assert begin_with_it == [used]
