"""The way to mirrors: the only HTTP client.

A mirror is an http(s) address or a file:// folder. Every read is bounded in bytes and in time, every failure is a
`MirrorError` with a sentence. Redirects are followed by hand, a few times, so that each hop is checked.

Whoever wants to be called is called by `telling`.
"""

from packages.addresses import check_url
from packages.upstream.asking import authorize
from packages.upstream.bounds import Bounds
from packages.upstream.documents import Document, gunzip
from packages.upstream.mirror import Mirror

__all__ = ["Bounds", "Document", "Mirror", "authorize", "check_url", "gunzip"]
