"""The packages of the demo: which there are, what they need and exclude, and how they differ between the releases.

Some are there to go wrong, each in one way: `demo-impossible` (a dependency nobody offers), `demo-failing` (its script
fails), `demo-bulk` (too big for small devices), `demo-clock` and `demo-clock-ng` (the same file), `demo-red` and
`demo-blue` (exclude each other), `dnsmasq-full` (excludes the default `dnsmasq`).
"""

from dataclasses import dataclass, field

from demo import system_files
from demo.catalogue import Release, Target
from demo.content import blob, noise, page, script, service
from demo.ipk import File, Package

KB = 1024
Versions = str | tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Recipe:
    """A package over all releases. `versions`: one for all, or one per release, None = not in that release."""

    feed: str  # base, luci, packages: of an architecture
    name: str
    versions: Versions
    description: str
    files: tuple[File, ...]
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    section: str = "utils"
    abi: Versions = ""
    is_for_all: bool = False
    scripts: tuple[tuple[str, bytes], ...] = field(default=())
    conffiles: tuple[str, ...] = ()

    def package(self, release: Release, architecture: str) -> Package | None:
        """The package as this release has it."""
        version = _pick(self.versions, release)
        if version is None:
            return None
        abi = _pick(self.abi, release) or ""
        return Package(
            name=self.name,
            version=release.package_version(version),
            architecture="all" if self.is_for_all else architecture,
            files=self.files,
            description=self.description,
            section=self.section,
            depends=("libc", *(_with_abi(name, release) for name in self.depends)),
            provides=(*((self.name,) if abi else ()), *self.provides),
            conflicts=self.conflicts,
            abi=abi,
            scripts=self.scripts,
            conffiles=self.conffiles,
        )


def _pick(versions: Versions, release: Release) -> str | None:
    return versions if isinstance(versions, str) else versions[release.position]


def _with_abi(name: str, release: Release) -> str:
    """Compiled packages depend on the very library they were linked with, by its full name."""
    library = _LIBRARIES.get(name)
    return name + (_pick(library.abi, release) or "") if library else name


def _program(name: str, size: int, folder: str = "usr/bin") -> tuple[File, ...]:
    """A script to start and a blob that gives it the weight of a real one."""
    return (
        File(f"{folder}/{name}", script(name), 0o755),
        File(f"usr/lib/demo/{name}.bin", blob(name, 2 * size)),
    )


def _daemon(name: str, size: int, start: int, config_text: bytes = b"") -> tuple[File, ...]:
    settings = (File(f"etc/config/{name}", config_text),) if config_text else ()
    return (*_program(name, size, "usr/sbin"), File(f"etc/init.d/{name}", service(name, start, 90), 0o755), *settings)


def _library(name: str, size: int) -> tuple[File, ...]:
    return (File(f"usr/lib/{name}.so", blob(name, size), 0o755),)


def _luci_app(name: str, size: int = 6 * KB) -> tuple[File, ...]:
    menu = f'{{"admin/demo/{name}": {{"title": "{name} (demo)", "order": 50}}}}\n'.encode()
    return (
        File(f"usr/share/luci/menu.d/{name}.json", menu),
        File(f"www/luci-static/resources/view/{name}.js", blob(name, size)),
    )


_BASE = (
    Recipe("base", "busybox", ("1.36.1-1", "1.36.1-2", "1.37.0-1"), "Small programs in one.", system_files.busybox()),
    Recipe("base", "ca-bundle", ("20230311-1", "20241223-1", "20250419-1"), "Certificates that nobody signed.",
           (File("etc/ssl/certs/ca-certificates.crt", blob("ca-bundle", 90 * KB)),), is_for_all=True),
    Recipe("base", "dnsmasq", ("2.89-4", "2.90-4", "2.91-1"), "Names and addresses for the local network.",
           _daemon("dnsmasq", 260 * KB, 19, b"config dnsmasq\n\toption domain 'lan'\n"), ("libubus",), section="net",
           conffiles=("etc/config/dnsmasq",)),
    Recipe("base", "dnsmasq-full", ("2.89-4", "2.90-4", "2.91-1"), "The same with everything in it.",
           _daemon("dnsmasq", 410 * KB, 19, b"config dnsmasq\n\toption domain 'lan'\n"), ("libubus", "libnettle"),
           ("dnsmasq",), ("dnsmasq",), section="net", conffiles=("etc/config/dnsmasq",)),
    Recipe("base", "dropbear", ("2022.83-1", "2024.86-1", "2025.88-1"), "A secure shell.",
           _daemon("dropbear", 230 * KB, 19, b"config dropbear\n\toption Port '22'\n"), section="net",
           conffiles=("etc/config/dropbear",)),
    Recipe("base", "firewall4", ("2023.09.01-1", "2024.12.18-1", "2025.03.17-2"), "Says who may talk to whom.",
           _daemon("firewall", 60 * KB, 19, b"config defaults\n\toption forward 'REJECT'\n"),
           ("kmod-nf-demo", "libuci"), ("uci-firewall",), section="net", conffiles=("etc/config/firewall",)),
    Recipe("base", "logd", "2024.04.26-1", "Keeps the messages.", _daemon("log", 20 * KB, 12), ("libubus",)),
    Recipe("base", "libdemo", ("1.9-1", "2.1-1", "2.2-1"), "What several programs of the demo share.",
           _library("libdemo", 48 * KB), section="libs", abi=("20230523", "20240329", "20240329")),
    Recipe("base", "libnettle", ("3.9.1-1", "3.10-1", "3.10-1"), "Ciphers.", _library("libnettle", 190 * KB),
           section="libs", abi="8"),
    Recipe("base", "libubus", ("2023.06.05-1", "2024.10.20-1", "2025.04.17-1"), "Lets programs talk to each other.",
           _library("libubus", 40 * KB), section="libs", abi=("20230605", "20241020", "20250417")),
    Recipe("base", "libuci", "2023.08.10-1", "Reads the configuration.", _library("libuci", 45 * KB), section="libs",
           abi="20130104"),
    Recipe("base", "mtd", ("26-1", "27-1", "27-1"), "Writes to flash; this one does not.",
           _program("mtd", 18 * KB, "sbin")),
    Recipe("base", "netifd", ("2023.11.10-1", "2024.12.17-1", "2025.08.26-1"), "Brings up the network.",
           _daemon("network", 190 * KB, 20, b"config interface 'loopback'\n\toption device 'lo'\n"),
           ("libubus", "libuci"), section="net", conffiles=("etc/config/network",)),
    Recipe("base", "opkg", ("2022.02.24-2", "2024.10.16-1", "2024.10.16-1"), "Installs packages.",
           _program("opkg", 120 * KB, "bin"), ("uclient-fetch", "libuci")),
    Recipe("base", "procd", ("2023.06.25-1", "2024.12.22-1", "2025.05.15-1"), "Starts everything else.",
           _program("procd", 110 * KB, "sbin"), ("libubus",)),
    Recipe("base", "uci", "2023.08.10-1", "Edits the configuration.", _program("uci", 25 * KB, "sbin"), ("libuci",)),
    Recipe("base", "uclient-fetch", ("2023.04.13-1", "2024.10.22-1", "2025.06.01-1"), "Fetches files.",
           _program("uclient-fetch", 30 * KB, "bin"), ("ca-bundle",), section="net"),
    Recipe("base", "uhttpd", "2023.06.25-1", "A web server.",
           _daemon("uhttpd", 55 * KB, 50, b"config uhttpd 'main'\n\toption home '/www'\n"), ("libubus",),
           ("demo-httpd",), section="net", conffiles=("etc/config/uhttpd",)),
    Recipe("base", "wpad-basic", ("2023.09.08-1", "2024.09.15-1", "2025.08.26-1"), "Wireless, the usual.",
           _daemon("wpad", 420 * KB, 19), ("kmod-demo-wifi", "libubus"), ("wpad",), ("wpad",), section="net"),
    Recipe("base", "wpad-full", ("2023.09.08-1", "2024.09.15-1", "2025.08.26-1"), "Wireless, all of it.",
           _daemon("wpad", 610 * KB, 19), ("kmod-demo-wifi", "libubus", "libnettle"), ("wpad",), ("wpad",),
           section="net"),
)  # fmt: skip

_LUCI = (
    Recipe("luci", "luci", ("23.051.1-1", "25.104.1-1", "25.301.1-1"), "The web pages of the device.", (),
           ("luci-base", "luci-theme-demo", "luci-app-firewall", "demo-httpd"), section="luci", is_for_all=True),
    Recipe("luci", "luci-base", ("23.051.1-1", "25.104.1-1", "25.301.1-1"), "What all pages need.",
           (File("www/luci-static/resources/luci.js", blob("luci.js", 120 * KB)),
            File("www/cgi-bin/luci", script("luci"), 0o755)), ("libubus",), section="luci"),
    Recipe("luci", "luci-theme-demo", ("23.051.1-1", "25.104.1-1", "25.301.1-1"), "How the pages look.",
           (File("www/luci-static/demo/cascade.css", b"/* demo */\nbody { font-family: sans-serif; }\n"),),
           ("luci-base",), section="luci", is_for_all=True),
    Recipe("luci", "luci-app-firewall", ("23.051.1-1", "25.104.1-1", "25.301.1-1"), "Pages of the firewall.",
           _luci_app("firewall", 22 * KB), ("luci-base", "uci-firewall"), section="luci", is_for_all=True),
    Recipe("luci", "luci-app-opkg", ("23.051.1-1", None, None),
           "Pages of the packages; from 25.04 on luci-app-package-manager.", _luci_app("opkg", 14 * KB),
           ("luci-base", "opkg"), section="luci", is_for_all=True),
    Recipe("luci", "luci-app-package-manager", (None, "25.104.1-1", "25.301.1-1"),
           "Pages of the packages; was luci-app-opkg.", _luci_app("package-manager", 15 * KB), ("luci-base", "opkg"),
           section="luci", is_for_all=True),
    Recipe("luci", "luci-app-attendedsysupgrade", ("23.051.1-1", "25.104.1-1", "25.301.1-1"),
           "Asks a server for the next image.", _luci_app("attendedsysupgrade", 18 * KB), ("luci-base",),
           section="luci", is_for_all=True),
    Recipe("luci", "luci-i18n-base-de", ("23.051.1-1", "25.104.1-1", "25.301.1-1"), "German pages.",
           (File("usr/lib/lua/luci/i18n/base.de.lmo", blob("base.de", 30 * KB)),), ("luci-base",), section="luci",
           is_for_all=True),
)  # fmt: skip

_EXTRA = (
    Recipe("packages", "demo-welcome", ("1.0-1", "1.1-1", "1.2-1"), "A page that says where you are.",
           (File("www/index.html", page("Demo", "This device image was made by the demo distribution.")),),
           is_for_all=True),
    Recipe("packages", "demo-editor", ("9.0-1", "9.1-2", "9.1-3"), "Edits texts.", _program("demo-editor", 340 * KB),
           ("libdemo",)),
    Recipe("packages", "demo-sniff", ("4.99.4-1", "4.99.5-1", "4.99.5-1"), "Shows packets.",
           _program("demo-sniff", 280 * KB), ("libdemopcap",), section="net"),
    Recipe("packages", "libdemopcap", ("1.10.4-1", "1.10.5-1", "1.10.5-1"), "Catches packets.",
           _library("libdemopcap", 110 * KB), section="libs", abi="1"),
    Recipe("packages", "demo-modem", ("1.20-1", "1.24-1", "1.24-2"), "Talks to modems.",
           _daemon("demo-modem", 70 * KB, 70), ("kmod-usb-net", "libdemo"), section="net"),
    Recipe("packages", "demo-lighttpd", ("1.4.72-1", "1.4.76-1", "1.4.79-1"), "Another web server.",
           _daemon("demo-lighttpd", 130 * KB, 50), ("libnettle",), ("demo-httpd",), section="net"),
    Recipe("packages", "demo-blog", ("1.3-1", "1.4-1", "1.4-1"), "Needs a web server, whichever.",
           (File("www/blog/index.html", page("Blog", "Nothing to read yet.")),), ("demo-httpd", "libdemo"),
           is_for_all=False, section="net"),
    Recipe("packages", "demo-storage", "0.7-1", "Shares a disk.", _daemon("demo-storage", 95 * KB, 60),
           ("kmod-usb-storage", "kmod-fs-vfat"), section="net"),
    Recipe("packages", "demo-fresh", "0.3-1", "Needs a library that only the newer releases have.",
           _program("demo-fresh", 12 * KB), ("libdemo-api (>= 2)",)),
    Recipe("packages", "libdemo-api", ("1.9-1", "2.1-1", "2.2-1"), "The interface of libdemo.",
           _library("libdemo-api", 4 * KB), ("libdemo",), section="libs"),
    Recipe("packages", "demo-fetch", ("0.9-1", None, None), "Fetches; from 25.04 on demo-get.",
           _program("demo-fetch", 16 * KB), ("uclient-fetch",), section="net"),
    Recipe("packages", "demo-get", (None, "1.0-1", "1.1-1"), "Fetches; was demo-fetch.",
           _program("demo-get", 17 * KB), ("uclient-fetch",), section="net"),
    Recipe("packages", "demo-legacy", ("0.1-7", None, None), "Gone after 24.04.", _program("demo-legacy", 9 * KB)),
    Recipe("packages", "demo-alarm", ("1.2-1", None, None), "Rings; from 25.04 on part of demo-schedule.",
           _program("demo-alarm", 6 * KB)),
    Recipe("packages", "demo-timer", ("1.4-2", None, None), "Counts; from 25.04 on part of demo-schedule.",
           _program("demo-timer", 6 * KB)),
    Recipe("packages", "demo-schedule", (None, "2.0-1", "2.1-1"), "Rings and counts.",
           _program("demo-schedule", 11 * KB)),
    Recipe("packages", "demo-suite", ("3.1-1", None, None), "Two things in one; two packages from 25.04 on.",
           _program("demo-suite", 20 * KB)),
    Recipe("packages", "demo-suite-core", (None, "3.2-1", "3.3-1"), "The half that most need.",
           _program("demo-suite-core", 9 * KB)),
    Recipe("packages", "demo-suite-extra", (None, "3.2-1", "3.3-1"), "The other half.",
           _program("demo-suite-extra", 12 * KB)),
    Recipe("packages", "demo-ntp", ("0.5-1", "0.6-1", "0.6-2"), "Asks for the time; a default package from 25.04 on.",
           _program("demo-ntp", 7 * KB)),
    Recipe("packages", "demo-impossible", "1.0-1", "Needs something that nobody offers.",
           _program("demo-impossible", KB), ("libdoesnotexist",)),
    Recipe("packages", "demo-failing", "1.0-1", "Its install script fails.", _program("demo-failing", KB),
           scripts=(("postinst", b"#!/bin/sh\necho 'demo-failing: failing on purpose' >&2\nexit 3\n"),)),
    Recipe("packages", "demo-greeting", "1.0-1", "Its install script writes a file.", _program("demo-greeting", KB),
           scripts=(("postinst", b'#!/bin/sh\n[ -n "${IPKG_INSTROOT}" ] || exit 0\n'
                                 b'echo "hello from the install script" > "${IPKG_INSTROOT}/etc/demo-greeting"\n'),)),
    Recipe("packages", "demo-bulk", ("1.0-1", "1.1-1", "1.1-1"), "Three megabytes of noise: too big for small devices.",
           (File("usr/share/demo/bulk.bin", noise("bulk", 3 * KB * KB)),), is_for_all=True),
    Recipe("packages", "demo-clock", "2.0-1", "Tells the time.", _program("demo-clock", 5 * KB)),
    Recipe("packages", "demo-clock-ng", "3.0-1", "Tells the time too, and brings the same file.",
           _program("demo-clock", 6 * KB)),
    Recipe("packages", "demo-red", "1.0-1", "Excludes demo-blue.", _program("demo-red", KB), conflicts=("demo-blue",)),
    Recipe("packages", "demo-blue", "1.0-1", "Excludes demo-red.", _program("demo-blue", KB), conflicts=("demo-red",)),
)  # fmt: skip

RECIPES = (*_BASE, *_LUCI, *_EXTRA)
_LIBRARIES = {recipe.name: recipe for recipe in RECIPES if recipe.abi}

KMODS = (
    ("kmod-demo-net", "Network of the demo board.", 60, ()),
    ("kmod-demo-wifi", "Wireless of the demo board.", 210, ("kmod-demo-net",)),
    ("kmod-demo-ac", "Wireless, faster.", 260, ("kmod-demo-wifi",)),
    ("kmod-demo-e1000", "Network cards.", 90, ("kmod-demo-net",)),
    ("kmod-nf-demo", "What the firewall needs.", 80, ()),
    ("kmod-usb-core", "USB.", 95, ()),
    ("kmod-usb-storage", "Disks at USB.", 50, ("kmod-usb-core",)),
    ("kmod-usb-net", "Network at USB.", 40, ("kmod-usb-core", "kmod-demo-net")),
    ("kmod-fs-vfat", "A file system.", 45, ()),
)

ARCH_FEEDS = ("base", "luci", "packages")


def arch_packages(release: Release, architecture: str, feed: str) -> list[Package]:
    """What a feed of an architecture holds."""
    found = (recipe.package(release, architecture) for recipe in RECIPES if recipe.feed == feed)
    return sorted((package for package in found if package), key=lambda package: package.full_name)


def kmod_packages(release: Release, target: Target) -> list[Package]:
    """The kernel modules, tied to the very kernel of this target."""
    kernel = f"kernel (= {target.kernel_version(release)})"
    version = f"{release.kernel}-r1" if release.is_newer else f"{release.kernel}-1"
    return [
        Package(
            name,
            version,
            target.arch,
            (File(f"lib/modules/{release.kernel}/{name.removeprefix('kmod-')}.ko", blob(name, size * KB)),),
            description,
            "kernel",
            (kernel, *depends),
        )
        for name, description, size, depends in KMODS
    ]


def core_packages(release: Release, target: Target) -> list[Package]:
    """What the target's own feed holds beside kernel modules."""
    revision = release.revision.split("-")[1]
    version = f"{release.count}~{revision}" if release.is_newer else f"{release.count}-{release.revision}"
    base = Package(
        "base-files",
        version,
        target.arch,
        system_files.base_files(release, target),
        "The first files of the device: who it is and how it starts.",
        "base",
        ("libc",),
        conffiles=("etc/config/system", "etc/passwd", "etc/group"),
    )
    gcc = Package(
        "libgcc",
        release.package_version(("12.3.0-4", "13.3.0-4", "14.2.0-4")[release.position]),
        target.arch,
        (File("lib/libgcc_s.so.1", blob("libgcc", 70 * KB), 0o755),),
        "What compiled programs need.",
        "libs",
        provides=("libgcc",),
        abi="1",
    )
    return [base, gcc]


def inner_packages(release: Release, target: Target) -> list[Package]:
    """`libc` and `kernel`: in no feed, only inside the ImageBuilder."""
    libc = release.package_version(("1.2.4-4", "1.2.5-4", "1.2.5-5")[release.position])
    return [
        Package(
            "kernel", target.kernel_version(release), target.arch, (), "The kernel is in front of the image.", "sys"
        ),
        Package(
            "libc", libc, target.arch, (File("lib/libc.so", blob("libc", 900 * KB), 0o755),), "The C library.", "libs"
        ),
    ]
