"""The feed of `demo-lime`, a flavour of the demo: packages after those of LibreMesh, signed by a key of their own.

Like the rest of the demo they only stand for what they are called after.
"""

from demo.catalogue import Release
from demo.content import NOTICE, blob, page, script, service
from demo.ipk import File, Package
from demo.package_set import KB, Recipe

NAME = "demo-lime"
TITLE = "LibreMesh flavour of the demo"
FOLDER = "lime"  # below the root of the demo's mirror
FEED = "lime"
SERIES = "2024.1"
VERSION_TEMPLATE = "{series}-demo{base_version}"
WORDS = "lime-system lime-proto-batadv lime-proto-anygw lime-app shared-state -dnsmasq -odhcpd-ipv6only"
# Of a device with little flash the web application is left out.
DEVICES = {"acme_pebble": "-lime-app lime-docs-minimal"}

_DEFAULTS = f"""# {NOTICE}
config lime 'system'
	option hostname 'LiMe-%M4%M5%M6'
config lime 'network'
	option main_ipv4_address '10.%N1.0.0/16'
	list protocols 'batadv:%N1'
	list protocols 'anygw'
""".encode()

_RECIPES = (
    Recipe(FEED, "lime-system", ("2023.11-1", "2024.11-1", "2025.11-1"), "Sets a node up for the mesh.",
           (File("etc/config/lime-defaults", _DEFAULTS), File("usr/bin/lime-config", script("lime-config"), 0o755),
            File("etc/init.d/lime", service("lime", 97), 0o755)), ("libuci", "firewall4"), section="lime"),
    Recipe(FEED, "lime-proto-batadv", ("2023.11-1", "2024.11-1", "2025.11-1"), "The mesh on layer 2.",
           (File("usr/lib/lua/lime/proto/batadv.lua", blob("batadv", 9 * KB)),), ("lime-system", "kmod-demo-net"),
           section="lime", is_for_all=True),
    Recipe(FEED, "lime-proto-anygw", ("2023.11-1", "2024.11-1", "2025.11-1"), "One address on every node.",
           (File("usr/lib/lua/lime/proto/anygw.lua", blob("anygw", 7 * KB)),), ("lime-system",), section="lime",
           is_for_all=True),
    Recipe(FEED, "lime-app", ("0.2.20-1", "0.2.26-1", "0.2.26-2"), "The pages of a node.",
           (File("www/app/index.html", page("Node", "This node is part of a demo.")),
            File("www/app/bundle.js", blob("lime-app", 320 * KB))), ("lime-system", "uhttpd"), section="lime",
           is_for_all=True),
    Recipe(FEED, "lime-docs-minimal", ("2023.11-1", "2024.11-1", "2025.11-1"), "What to read first.",
           (File("www/docs/index.html", page("Docs", "Nothing to read yet.")),), section="lime", is_for_all=True),
    Recipe(FEED, "shared-state", ("2023.11-1", "2024.11-1", "2025.11-1"), "What all nodes know.",
           (File("usr/bin/shared-state", script("shared-state"), 0o755),
            File("usr/lib/demo/shared-state.bin", blob("shared-state", 60 * KB))), ("libubus", "lime-system"),
           section="lime"),
    Recipe(FEED, "profile-demo-suggested-packages", "1.0-1", "What the maintainers suggest.", (),
           ("lime-docs-minimal", "shared-state"), section="lime", is_for_all=True),
)  # fmt: skip


def packages(release: Release, architecture: str) -> list[Package]:
    """What the feed holds."""
    found = (recipe.package(release, architecture) for recipe in _RECIPES)
    return sorted((package for package in found if package), key=lambda package: package.full_name)


def feed_path(*, is_snapshot: bool) -> str:
    """Where the feed is below FOLDER, as a series of the flavour has it."""
    return f"{'snapshots' if is_snapshot else 'releases/{base_version}'}/packages/{{arch}}/{FEED}"
