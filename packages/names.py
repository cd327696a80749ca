"""Which texts may name things. Names reach `make`, file systems and addresses: full match, ASCII only.

`fullmatch` and explicit ranges on purpose: `$` matches before a final newline and `\\w` matches full-width letters.
"""

import re

# Lower case nearly always; the real feeds hold a few such as `ChinaDNS`.
PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
# 15.05 to 17.01 have profiles such as `HORNETUBx2` or `DEVICE_tl-wr841-v9`.
PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
# What routers report as their board: `tplink,archer-c7-v2`, `raspberrypi,4-model-b`.
BOARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,_+ ()/-]{0,127}")
TARGET = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}/[a-z0-9][a-z0-9_-]{0,63}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# r28739-d9340319c6, r28739+3-d9340319c6
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}")
# "" where it is not known.
PACKAGE_VERSION = re.compile(r"[A-Za-z0-9._+~:-]{0,128}")
DISTRIBUTION = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# What the program sees of a feed is a folder of this name: it stands in a file that package managers read.
FEED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,239}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ORGANISATION = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# Communities call theirs after domains: `quintanalibre.org.ar/comun`.
NETWORK_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,2}")
# Below the root of an image; a folder may be hidden (`.ssh`). "." and ".." match too: whoever uses it looks for them.
FILE_PATH = re.compile(r"[A-Za-z0-9._+@-]{1,128}(?:/[A-Za-z0-9._+@-]{1,128}){0,15}")

# First segments of our own addresses: no distribution may be called so.
RESERVED = frozenset(
    {"admin", "api", "json", "store", "static", "docs", "images", "status", "stats", "about", "download"}
    | {"status.json", "favicon.ico", "devices", "compare", "updates", "statistics", "incidents", "news"}
    | {"releases", "snapshots", "healthz", "readyz", "metrics", "worker", "feeds", "files", "supported", "overview"}
    | {
        "update-request",
        "image-request",
        "build-request",
        "files-request",
        "network-profiles",
        "manifest-info",
        "packages-hash",
        "fails",
    }
)
