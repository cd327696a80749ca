"""Ed25519 (RFC 8032) in plain Python: a few signatures a build, no library needed.

Not constant-time: the only secret it ever sees is the throw-away key of one unpacked tree.
"""

from __future__ import annotations

import hashlib

Point = tuple[int, int, int, int]  # (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)

NEUTRAL: Point = (0, 1, 1, 0)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _double(p: Point) -> Point:
    a = p[0] * p[0] % P
    b = p[1] * p[1] % P
    c = 2 * p[2] * p[2] % P
    h = a + b
    e = h - (p[0] + p[1]) ** 2 % P
    g = a - b
    f = c + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _recover_x(y: int, sign: int) -> int | None:
    """The x of a point with this y, or None when there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _recover_x(_BASE_Y, 0) or 0
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _times(n: int, point: Point, m: int = 0, other: Point = NEUTRAL) -> Point:
    """n * point + m * other, both in one pass over the bits."""
    both = _add(point, other)
    result = NEUTRAL
    for bit in range(max(n.bit_length(), m.bit_length()) - 1, -1, -1):
        result = _double(result)
        pick = (n >> bit & 1) | (m >> bit & 1) << 1
        if pick:
            result = _add(result, (NEUTRAL, point, other, both)[pick])
    return result


def _encode(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    x = _recover_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def _scalar(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def _expand(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    number = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return number, digest[32:]


def public_key(seed: bytes) -> bytes:
    """The 32 byte public key of a 32 byte seed."""
    return _encode(_times(_expand(seed)[0], BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    """64 bytes."""
    secret, prefix = _expand(seed)
    public = _encode(_times(secret, BASE))
    nonce = _scalar(prefix, message)
    commitment = _encode(_times(nonce, BASE))
    answer = (nonce + _scalar(commitment, public, message) * secret) % ORDER
    return commitment + answer.to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is good; refuses malleable twins (S >= ORDER)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point = _decode(public)
    answer = int.from_bytes(signature[32:], "little")
    if point is None or answer >= ORDER:
        return False
    minus = (P - point[0], point[1], 1, P - point[3])
    challenge = _scalar(signature[:32], public, message)
    return _encode(_times(answer, BASE, challenge, minus)) == signature[:32]
