"""Why builds fail, in the reader's language; the same words as `builders.states.Reason`, which knows no languages."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_WORDS: dict[str, str | Promise] = {
    "unknown_package": _("a package does not exist"),
    "missing_dependency": _("a package needs one that does not exist"),
    "package_conflict": _("packages exclude each other"),
    "file_clash": _("two packages bring the same file"),
    "unknown_profile": _("the ImageBuilder does not know the profile"),
    "image_too_big": _("the image does not fit the device"),
    "rootfs_too_big": _("the root file system is larger than its partition"),
    "script_failed": _("a package's install script failed"),
    "wrong_version_code": _("the release has another revision than asked for"),
    "unsupported": _("this release's ImageBuilder has no such option"),
    "no_image": _("the ImageBuilder ended without an image"),
    "mirror_unreachable": _("the mirror did not answer"),
    "mirror_moved": _("the mirror changed while we built"),
    "kernel_mismatch": _("kernel modules are for another kernel than the release has"),
    "wrong_packages": _("the image holds other packages than those asked for"),
    "bad_checksum": _("a download has the wrong checksum"),
    "bad_signature": _("a signature is missing or wrong"),
    "bad_archive": _("the ImageBuilder's archive is broken or unsafe"),
    "prerequisite": _("the worker lacks a program the ImageBuilder needs"),
    "timeout": _("the build took too long"),
    "limit": _("the build hit a limit of the sandbox"),
    "disk_full": _("the worker's disk is full"),
    "sandbox": _("the sandbox could not be set up"),
    "infrastructure": _("the workers vanished too often"),
    "bad_result": _("the worker delivered what was not asked for"),
    "crash": _("the build ended in an unexpected way"),
    "refused": _("a maintainer decided that it is not built"),
    "cancelled": _("the build was cancelled"),
    "unknown": _("nobody knows"),
}


def reason_words(reason: str) -> str:
    """The reason in words; one that is not known as it is."""
    return str(_WORDS.get(reason, reason))
