"""The bodies of the API as serializers: what the published schema says of them. Tests check answers against it."""

from django.conf import settings
from rest_framework import serializers


class WishSerializer(serializers.Serializer[None]):
    """A request for an image. Fields that are not listed are ignored."""

    version = serializers.CharField(help_text="Release, e.g. `24.10.2` or `SNAPSHOT`.")
    target = serializers.CharField(help_text="`<target>/<subtarget>`, e.g. `ath79/generic`.")
    profile = serializers.CharField(
        help_text="Device: a profile's id, or the board name that a router reports (`tplink,archer-c7-v2`)."
    )
    packages = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        max_length=settings.ASU_MAX_PACKAGES,
        help_text="Packages to add; `-name` removes one. The order does not matter.",
    )
    packages_versions = serializers.DictField(
        child=serializers.CharField(allow_blank=True, allow_null=True),
        required=False,
        help_text="Packages with the versions that the client expects. Replaces `packages` when not empty.",
    )
    diff_packages = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text="true: the list is absolute, defaults that it lacks are removed. An empty list means the defaults.",
    )
    version_code = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="Revision that the image must have."
    )
    filesystem = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="Root file system wanted, e.g. `squashfs`: its images come first; 400 where the device has none.",
    )
    defaults = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="Shell script for the first boot. It is never shown again.",
    )
    rootfs_size_mb = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=settings.ASU_MAX_ROOTFS_SIZE_MB,
        help_text="Size of the root file system's partition in MB.",
    )
    network_profile = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="Name of a network profile, whose files and packages the image gets: `/api/v1/network-profiles`.",
    )
    repositories = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        help_text="Package repositories, name: address of the folder or of its index. The feeds of the target can be "
        "named, and what `server.repository_allow_list` of the overview allows.",
    )
    repositories_mode = serializers.ChoiceField(
        ["append", "replace"],
        required=False,
        allow_null=True,
        help_text="Whether they come on top of the target's feeds (`append`, the default) or are all there is "
        "(`replace`).",
    )
    repository_keys = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        help_text="Public keys that sign the indexes of the repositories: usign (the file, or its base64 line) or PEM.",
    )
    client = serializers.CharField(required=False, allow_blank=True, help_text="`name/version` of the client.")
    current_version = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="The release that the device runs; an outdated one goes a bit earlier.",
    )
    distro = serializers.CharField(
        required=False, allow_blank=True, help_text="Distribution, where the address does not name it."
    )


class EchoSerializer(serializers.Serializer[None]):
    """The request as it was understood."""

    distro = serializers.CharField()
    version = serializers.CharField()
    version_code = serializers.CharField(allow_blank=True)
    target = serializers.CharField()
    profile = serializers.CharField()
    packages = serializers.ListField(child=serializers.CharField())
    packages_versions = serializers.DictField(child=serializers.CharField(allow_blank=True))
    diff_packages = serializers.BooleanField()
    defaults = serializers.CharField(allow_null=True, help_text="Only whether there was a script, and its size.")
    rootfs_size_mb = serializers.IntegerField(allow_null=True)
    filesystem = serializers.CharField(allow_null=True)
    network_profile = serializers.CharField(allow_null=True)
    repositories = serializers.DictField(child=serializers.CharField(), help_text="Name: address of the folder.")
    repositories_mode = serializers.ChoiceField(["append", "replace"])
    repository_keys = serializers.ListField(child=serializers.CharField())
    client = serializers.CharField(allow_blank=True)


class PendingSerializer(serializers.Serializer[None]):
    """Waiting or in work: ask again in a few seconds."""

    status = serializers.IntegerField(help_text="202")
    detail = serializers.ChoiceField(["queued", "started"])
    request_hash = serializers.CharField(help_text="64 hex digits: poll with it.")
    queue_position = serializers.IntegerField(required=False, help_text="Builds ahead; only while queued.")
    wait_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="Until it begins, as far as can be told; only while queued. null: no worker is there for it.",
    )
    hint = serializers.CharField(required=False, help_text="A sentence for people, when something holds it up.")
    imagebuilder_status = serializers.ChoiceField(
        ["init", "download_imagebuilder", "unpack_imagebuilder", "calculate_packages_hash", "building_image"],
        required=False,
        help_text="What is done just now; only while started.",
    )
    enqueued_at = serializers.DateTimeField()
    request = EchoSerializer()


class FileSerializer(serializers.Serializer[None]):
    """A file to flash: `/store/<bin_dir>/<name>`."""

    name = serializers.CharField()
    type = serializers.CharField(help_text="`sysupgrade`, `factory`, `combined` ...")
    filesystem = serializers.CharField(allow_blank=True)
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField(help_text="Of the file as served.")
    sha256_unsigned = serializers.CharField(help_text="Before a signature was appended.")


class DoneSerializer(serializers.Serializer[None]):
    """The image is ready."""

    status = serializers.IntegerField(help_text="200")
    detail = serializers.ChoiceField(["done"])
    imagebuilder_status = serializers.ChoiceField(["done"])
    request_hash = serializers.CharField()
    bin_dir = serializers.CharField(help_text="Folder below `/store/`.")
    images = FileSerializer(many=True)
    manifest = serializers.DictField(child=serializers.CharField(), help_text="Every installed package: version.")
    request = EchoSerializer()
    hint = serializers.CharField(
        required=False, help_text="A sentence for people, when no image has the root file system that was asked for."
    )
    id = serializers.CharField(help_text="Profile.")
    version_number = serializers.CharField(required=False)
    version_code = serializers.CharField(allow_blank=True)
    target = serializers.CharField(required=False)
    titles = serializers.ListField(child=serializers.DictField())
    build_at = serializers.DateTimeField(help_text="The date of the sources.")
    enqueued_at = serializers.DateTimeField()
    build_cmd = serializers.ListField(child=serializers.CharField(), help_text="To build the same by hand.")
    build_cmd_packages = serializers.ListField(child=serializers.CharField())
    stdout = serializers.CharField(allow_blank=True)
    stderr = serializers.CharField(allow_blank=True)
    metadata_version = serializers.IntegerField()


class ErrorSerializer(serializers.Serializer[None]):
    """Something is wrong; `detail` says what, and what would be right."""

    status = serializers.IntegerField(help_text="The HTTP status.")
    title = serializers.CharField()
    detail = serializers.CharField()
    message = serializers.CharField(help_text="The same as `detail`, for old clients.")


class FailedSerializer(ErrorSerializer):
    """The build failed."""

    request_hash = serializers.CharField(required=False)
    imagebuilder_status = serializers.ChoiceField(["failed"], required=False)
    stdout = serializers.CharField(allow_blank=True, required=False)
    stderr = serializers.CharField(allow_blank=True, required=False)


class QuestionSerializer(serializers.Serializer[None]):
    """A device as it runs. Fields that are not listed are ignored."""

    version = serializers.CharField(required=False, help_text="The release that it runs. Needed, here or in `board`.")
    target = serializers.CharField(required=False, help_text="`<target>/<subtarget>`. Needed, here or in `board`.")
    profile = serializers.CharField(
        required=False, allow_blank=True, help_text="Its profile or board name; without it there is no `request`."
    )
    board = serializers.JSONField(
        required=False, help_text="All that `ubus call system board` prints (or the board name): fills in the others."
    )
    revision = serializers.CharField(
        required=False, allow_blank=True, help_text="The revision that it runs (or `version_code`); for snapshots."
    )
    packages = serializers.JSONField(
        required=False,
        help_text="What is installed: an object of names and versions, or a list of names. A list with `base-files` is "
        "taken for the whole image, any other for wishes on top of the defaults.",
    )
    package_updates = serializers.BooleanField(
        required=False, help_text="false: newer packages of the same release are no news. Default true."
    )
    reach = serializers.ChoiceField(
        ["channel", "distribution"],
        required=False,
        help_text="How far to look: 24.10.1 to 24.10.2, or to 25.12.0. Default `channel`.",
    )
    filesystem = serializers.CharField(required=False, allow_blank=True, help_text="For the `request`.")
    network_profile = serializers.CharField(required=False, allow_blank=True, help_text="For the `request`.")
    client = serializers.CharField(required=False, allow_blank=True, help_text="For the `request`: `name/version`.")
    distro = serializers.CharField(
        required=False, allow_blank=True, help_text="Distribution, where the address does not name it."
    )


class AppliedChangeSerializer(serializers.Serializer[None]):
    """What became of packages of the device, where and why."""

    kind = serializers.ChoiceField(["renamed", "merged", "split", "dropped", "default", "added"])
    sources = serializers.ListField(child=serializers.CharField(), help_text="Those that it has.")
    targets = serializers.ListField(child=serializers.CharField(), help_text="What takes their place.")
    where = serializers.CharField(help_text="For people: `22.03 (r18611)`.")
    release = serializers.CharField(allow_blank=True, help_text="First branch or release that has it.")
    revision = serializers.IntegerField(allow_null=True, help_text="Of the development branch.")
    mandatory = serializers.BooleanField()
    why = serializers.CharField(allow_blank=True)


class DroppedSerializer(serializers.Serializer[None]):
    """The newest release does not have the device any more."""

    newest_with = serializers.CharField(help_text="The newest release that still has it.")
    newest = serializers.CharField()
    is_whole_target = serializers.BooleanField()


class VerdictSerializer(serializers.Serializer[None]):
    """What is newer."""

    status = serializers.IntegerField(help_text="200")
    detail = serializers.CharField(help_text="A sentence for people.")
    distro = serializers.CharField()
    version = serializers.CharField(help_text="The release to go to; the installed one when no other is newer.")
    version_code = serializers.CharField(allow_blank=True)
    target = serializers.CharField()
    profile = serializers.CharField(allow_blank=True)
    installed = serializers.CharField()
    is_newer = serializers.BooleanField(help_text="Another release, or another revision of a snapshot.")
    newest = serializers.CharField(help_text="Newest of those looked at; see `dropped` when it is not `version`.")
    newer_channels = serializers.ListField(
        child=serializers.CharField(), help_text="Newest release of each newer channel, newest first."
    )
    packages = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="For the new image.")
    updates = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="Package: [new version, installed one]."
    )
    changes = AppliedChangeSerializer(many=True)
    missing = serializers.DictField(
        child=serializers.CharField(), help_text="Packages that the new release has nowhere: why."
    )
    dropped = DroppedSerializer(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField(), help_text="Sentences for people.")
    request = serializers.DictField(allow_null=True, help_text="The body for POST `/api/v1/build`.")


class ChangeSerializer(serializers.Serializer[None]):
    """A package renamed (both names), dropped (no target), or new (no source)."""

    source = serializers.CharField(required=False)  # type: ignore[assignment] # shadows DRF's own `source`
    target = serializers.CharField(required=False)
    revision = serializers.IntegerField()
    mandatory = serializers.BooleanField(required=False)


class BranchSerializer(serializers.Serializer[None]):
    """A series of releases."""

    name = serializers.CharField()
    enabled = serializers.BooleanField()
    snapshot = serializers.BooleanField()
    path = serializers.CharField()
    path_packages = serializers.CharField()
    versions = serializers.ListField(child=serializers.CharField(), help_text="Newest first.")
    targets = serializers.DictField(child=serializers.CharField(allow_blank=True), help_text="Target: architecture.")
    git_branch = serializers.CharField(allow_blank=True)
    branch_off_rev = serializers.IntegerField(required=False)
    package_changes = ChangeSerializer(many=True)


class ServerSerializer(serializers.Serializer[None]):
    """What this server allows."""

    version = serializers.CharField()
    contact = serializers.CharField(allow_blank=True)
    allow_defaults = serializers.BooleanField()
    repository_allow_list = serializers.ListField(child=serializers.CharField())
    max_custom_rootfs_size_mb = serializers.IntegerField()
    max_defaults_length = serializers.IntegerField()


class OverviewSerializer(serializers.Serializer[None]):
    """What is offered."""

    latest = serializers.ListField(child=serializers.CharField(), help_text="Newest of each branch.")
    branches = serializers.DictField(child=BranchSerializer())
    upstream_url = serializers.CharField()
    server = ServerSerializer()


class LatestSerializer(serializers.Serializer[None]):
    """The newest version of each branch, newest branch first."""

    latest = serializers.ListField(child=serializers.CharField())


class RevisionSerializer(serializers.Serializer[None]):
    """The revision of a release."""

    revision = serializers.CharField()


class ProfileFileSerializer(serializers.Serializer[None]):
    """A file that a network profile brings; what stands in it is not shown."""

    path = serializers.CharField(help_text="Below the root of the image.")
    mode = serializers.ChoiceField(["644", "755"])
    size = serializers.IntegerField(help_text="bytes")


class NetworkProfileSerializer(serializers.Serializer[None]):
    """Files and packages for the images of a community's network."""

    name = serializers.CharField(help_text="What a request names as `network_profile`.")
    title = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    is_general = serializers.BooleanField(help_text="For every distribution.")
    distributions = serializers.ListField(child=serializers.CharField(), help_text="Else for these.")
    packages = serializers.ListField(child=serializers.CharField(), help_text="`name` adds, `-name` removes.")
    files = ProfileFileSerializer(many=True, allow_null=True, help_text="null: they are not shown.")


class NetworkProfileListSerializer(serializers.Serializer[None]):
    """The network profiles for a distribution."""

    network_profiles = NetworkProfileSerializer(many=True)


class TargetIndexSerializer(serializers.Serializer[None]):
    """Packages of one target: name to version."""

    architecture = serializers.CharField(allow_blank=True)
    packages = serializers.DictField(child=serializers.CharField())
