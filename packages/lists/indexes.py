"""Indexes that searches by a beginning can use. Pure: models import it."""

# On PostgreSQL; SQLite compares byte by byte as it is. The second column is the primary key, which lists go by.
BY_BEGINNING = ("varchar_pattern_ops", "int8_ops")
# The same with the time that a row was made, for lists of rows that are joined to these.
BY_BEGINNING_AND_TIME = ("varchar_pattern_ops", "timestamptz_ops")
