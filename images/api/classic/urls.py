"""The addresses of the classic API. Mounted below `/` and below `/<distribution>/`."""

from django.urls import path, re_path

from images.api.classic import by_header, by_status, checks, files, offers, records

_FOLDER = r"(?P<request_hash>[0-9a-f]{64})/"

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
    re_path(rf"^json/{_FOLDER}$", files.listing),
    re_path(rf"^json/{_FOLDER}(?P<name>[^/]+)$", files.listed_file),
    re_path(r"^static/faillogs/(?P<request_hash>[0-9a-f]{64})\.log$", files.fail_log),
    re_path(rf"^static/{_FOLDER}(?P<name>[^/]+)$", files.static),
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
