"""Packages whose removal bricks a device."""

# What a router does not come up without, or cannot be mended without. `kernel` and `libc` are in no index.
ALWAYS_ESSENTIAL = frozenset({"base-files", "busybox", "kernel", "libc"})
# The same where the target has them by default.
ESSENTIAL = frozenset(
    {"fstools", "fwtool", "libgcc", "libgcc1", "mtd", "netifd", "procd", "ubox", "ubus", "ubusd", "uci"}
)
