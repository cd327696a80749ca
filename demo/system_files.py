"""The files every image of the demo starts with: banner, release, accounts, start scripts, busybox."""

from demo.catalogue import Release, Target
from demo.content import NOTICE, blob, config, script, service
from demo.ipk import File

APPLETS = ("ash", "cat", "cp", "date", "echo", "grep", "ls", "mkdir", "mv", "rm", "sed", "sh", "sleep", "sync", "vi")
FOLDERS = ("dev", "etc/config", "mnt", "overlay", "proc", "root", "sys", "tmp", "usr/lib", "www")

BANNER = """
   _|_|_|    _|_|_|_|  _|      _|    _|_|
   _|    _|  _|        _|_|  _|_|  _|    _|
   _|    _|  _|_|_|    _|  _|  _|  _|    _|
   _|    _|  _|        _|      _|  _|    _|
   _|_|_|    _|_|_|_|  _|      _|    _|_|
 ------------------------------------------
 {version}, {revision}
 {notice}
 ------------------------------------------
"""

RC_COMMON = f"""#!/bin/sh
# {NOTICE}
# Runs a start script: rc.common SCRIPT start|stop|enable|disable
initscript=$1
action=${{2:-help}}
. "$initscript"
case "$action" in
\tstart) start_service ;;
\tenable) ln -sf "../init.d/${{initscript##*/}}" "/etc/rc.d/S${{START}}${{initscript##*/}}" ;;
\tdisable) rm -f /etc/rc.d/???"${{initscript##*/}}" ;;
\t*) echo "Syntax: $initscript start|enable|disable" ;;
esac
"""


def busybox() -> tuple[File, ...]:
    """One program under many names."""
    links = tuple(File(f"bin/{name}", link="busybox") for name in APPLETS)
    return (
        File("bin/busybox", script("busybox"), 0o755),
        File("usr/lib/demo/busybox.bin", blob("busybox", 1400 * 1024)),
        *links,
    )


def base_files(release: Release, target: Target) -> tuple[File, ...]:
    """What `base-files` holds for this release and target."""
    facts = {
        "DISTRIB_ID": "Demo",
        "DISTRIB_RELEASE": release.version,
        "DISTRIB_REVISION": release.revision,
        "DISTRIB_TARGET": target.name,
        "DISTRIB_ARCH": target.arch,
        "DISTRIB_DESCRIPTION": f"Demo {release.version} {release.revision}",
    }
    release_text = "".join(f"{name}='{value}'\n" for name, value in facts.items()).encode()
    banner = BANNER.format(version=release.version, revision=release.revision, notice=NOTICE).encode()
    return (
        *(File(folder, mode=0o755) for folder in FOLDERS),
        File("etc/banner", banner),
        File("etc/openwrt_release", release_text),
        File("etc/openwrt_version", f"{release.revision}\n".encode()),
        File("etc/rc.common", RC_COMMON.encode(), 0o755),
        File("etc/init.d/boot", service("boot", 10, 90), 0o755),
        File("etc/init.d/done", service("done", 95), 0o755),
        File("etc/init.d/system", service("system", 10), 0o755),
        File("etc/config/system", config("system", "main", hostname="Demo", timezone="UTC")),
        File("etc/passwd", b"root:x:0:0:root:/root:/bin/ash\nnobody:*:65534:65534:nobody:/var:/bin/false\n"),
        File("etc/group", b"root:x:0:\nnogroup:x:65534:\n"),
        File("etc/shadow", b"root:::0:99999:7:::\nnobody:*:0:0:99999:7:::\n", 0o600),
        File("var", link="tmp"),
    )
