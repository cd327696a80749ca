"""The addresses of the classic API. Mounted below `/` and below `/<distribution>/`."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from images.api.classic import by_header, by_status, checks, files, offers, records


class HashConverter(StringConverter):
    """A request hash: what else lies below `json/` and `static/` is not of images."""

    regex = "[0-9a-f]{64}"


register_converter(HashConverter, "hash")

urlpatterns = [
    path("update-request", checks.update_request),
    path("image-request", by_status.image_request),
    path("build-request", by_status.build_request),
    path("files-request", by_status.build_request),
    path("api/upgrade-check", checks.upgrade_check),
    path("api/upgrade-request", by_header.upgrade_request),
    path("api/upgrade-request/<str:request_hash>", by_header.upgrade_state),
    path("api/build-request", by_header.build_request),
    path("api/build-request/<str:request_hash>", by_header.build_state),
    path("download/<str:request_hash>/<str:name>", files.download),
    path("json/<hash:request_hash>/", files.listing),
    path("json/<hash:request_hash>/<str:name>", files.listed_file),
    path("static/faillogs/<hash:request_hash>.log", files.fail_log),
    path("static/<hash:request_hash>/<str:name>", files.static),
    path("api/distros", offers.distros),
    path("api/distributions", offers.distributions),
    path("api/releases", offers.releases),
    path("api/versions", offers.versions),
    path("api/models", offers.models),
    path("api/packages_image", offers.packages_image),
    path("api/default_packages", offers.packages_image),
    path("api/network_profiles", offers.network_profile_names),
    path("network-profiles/Packages", offers.network_profile_packages),
    path("api/image/<str:image_hash>", records.image),
    path("api/manifest/<str:manifest_hash>", records.manifest),
    path("api/v1/stats/image_stats", records.image_stats),
    path("supported", offers.supported),
    path("manifest-info/<str:manifest_hash>", records.manifest_page),
    path("packages-hash/<str:manifest_hash>", records.manifest_page),
    path("fails", records.failures_page),
]
