"""Upstream text, JSON and binary documents into dataclasses. Pure: no database, no network, no clock.

One module a format, each with `parse(data)`. Whatever the bytes, it returns its result or raises BadDocumentError.
"""
