"""The database's clock: the only one that all machines of a farm share."""

from datetime import UTC, datetime

from django.db import connection

_QUERIES = {
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "postgresql": "SELECT statement_timestamp()",
}


def now() -> datetime:
    """The present, by the database."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERIES[connection.vendor])
        said = cursor.fetchone()[0]
    return said if isinstance(said, datetime) else datetime.fromisoformat(said).replace(tzinfo=UTC)
