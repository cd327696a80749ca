"""How calls are signed, so that whoever gets one knows that it is ours, and of now. Pure.

X-Asu-Signature: t=1732464000,v1=<hex of HMAC-SHA256(secret, "1732464000." + body)>
"""

import hashlib
import hmac
import secrets

HEADER = "X-Asu-Signature"
PREFIX = "asu-hook-"


def new_secret() -> str:
    """What both sides know."""
    return PREFIX + secrets.token_urlsafe(32)


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of the header for a body sent at that time (seconds since 1970)."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
