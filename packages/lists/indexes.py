"""Indexes that searches by a beginning can use. Pure: models import it."""

# On PostgreSQL; SQLite compares byte by byte as it is. The second column is the primary key, which lists go by.
BY_BEGINNING = ("varchar_pattern_ops", "int8_ops")
