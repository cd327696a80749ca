"""The steps that the Makefile calls, one a run: `main.py STEP`."""

from __future__ import annotations

import os
import shutil
import sys

from .tree import BuildError, Tree, typed


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def help_text(tree: Tree) -> None:
    say(f"""ImageBuilder of the {tree.dist} distribution {tree.version}, for {tree.board}/{tree.subtarget}.
A demonstration: nothing it makes belongs on a device.

    make info                     devices and default packages
    make image PROFILE=name       an image
    make manifest PROFILE=name    the packages that an image would hold, with versions
    make package_index            the index of packages/
    make clean                    remove what builds left here

Variables: PACKAGES="add -remove", FILES=folder, BIN_DIR=folder, EXTRA_IMAGE_NAME=text, DISABLED_SERVICES="name",
ROOTFS_PARTSIZE=MB, ADD_LOCAL_KEY=1, and STRIP_ABI=1 for the manifest.""")


def info(tree: Tree) -> None:
    say(f'Current Target: "{tree.board}/{tree.subtarget}"')
    say(f'Current Architecture: "{tree.kernel_arch}"')
    say(f'Current Revision: "{tree.revision}"')
    say(f"Default Packages: {' '.join(tree.default_packages)}")
    say("Available Profiles:\n")
    for name, profile in tree.profiles.items():
        titles = [
            entry.get("title") or " ".join(filter(None, map(entry.get, ("vendor", "model", "variant"))))
            for entry in profile["titles"]
        ]
        devices = profile["supported_devices"]
        say(f"{name}:\n    {' / '.join(titles)}\n    Packages: {' '.join(profile['device_packages'])}")
        say(f"    hasImageMetadata: {int(bool(devices))}")
        if devices:
            say(f"    SupportedDevices: {' '.join(devices)}")
    (tree.top / ".profiles.mk").write_text(f"PROFILE_NAMES = {' '.join(tree.profiles)}\n", encoding="utf-8")


def check_profile(tree: Tree) -> None:
    try:
        tree.profile_name()
    except BuildError:
        say(f'Profile "{typed("PROFILE")}" does not exist!')
        say('Use "make info" to get a list of available profile names.')
        raise


def announce(tree: Tree) -> None:
    first = tree.profile()["titles"][0]
    title = first.get("title") or " ".join(filter(None, map(first.get, ("vendor", "model", "variant"))))
    say(f"Building images for {tree.board} - {title}")
    say(f"Packages: {' '.join(tree.packages())}\n")


def clean(tree: Tree) -> None:
    for folder in (tree.top / "tmp", tree.downloads, tree.top / "bin", tree.root, tree.images_tmp, tree.json_dir):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (*tree.kernel_dir.glob("root.*"), *tree.package_dir.glob("Packages*")):
        file.unlink()


def run(step: str, tree: Tree) -> None:
    # Imported late: `make info` shall not wait for what it does not use.
    if step in ("help", "info", "check_profile", "announce", "clean"):
        simple = {"help": help_text, "info": info, "check_profile": check_profile, "announce": announce, "clean": clean}
        simple[step](tree)
    elif step == "prereq":
        from . import prereq

        prereq.check(tree)
    elif step == "package_index":
        from . import feeds

        feeds.make_local_index(tree)
    elif step == "package_install":
        from . import install

        install.install_all(tree)
    elif step == "prepare_rootfs":
        from . import rootfs

        rootfs.prepare(tree)
    elif step == "build_image":
        from . import images

        images.build(tree)
    elif step in ("manifest", "json_overview_image_info", "checksum"):
        from . import reports

        {
            "manifest": reports.print_manifest,
            "json_overview_image_info": reports.write_profiles_json,
            "checksum": reports.write_sums,
        }[step](tree)
    else:
        raise BuildError(f"unknown step {step!r}", 2)


def main() -> int:
    os.umask(0o022)  # modes of folders go into the image
    try:
        run(sys.argv[1], Tree())
    except BuildError as error:
        if str(error):
            sys.stdout.flush()
            sys.stderr.write(f"{error}\n")
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
