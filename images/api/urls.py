"""The addresses of the current API. Mounted below `/` and below `/<distribution>/`."""

from django.urls import include, path

from images.api import build, check, docs, documents, keys
from images.api.classic import without_target

urlpatterns = [
    path("api/v1/build", build.build),
    path("api/v1/build/<str:request_hash>", build.build_state),
    path("api/v1/build/<str:request_hash>/cancel", build.cancel),
    path("api/v1/build/<str:request_hash>/retry", build.retry),
    path("api/v1/check", check.check),
    path("api/v1/overview", documents.overview),
    path("api/overview", documents.overview),
    path("json/v1/overview.json", documents.overview),
    path("json/v1/branches.json", documents.branches),
    path("json/v1/latest.json", documents.latest),
    path("api/v1/latest", documents.latest),
    path("api/v1/revision/<str:version>/<str:target>/<str:subtarget>", documents.revision),
    path("api/v1/network-profiles", documents.network_profile_list),
    path("api/v1/signing-key", keys.signing_key),
    path("api/v1/schema", docs.schema_view),
    path("json/v1/<path:path>", documents.document),
    path("docs/", docs.docs),
    # 2020 to 2021, before the `v1` (v1-api.md §11).
    path("api/build", without_target.build),
    path("api/build/<str:request_hash>", build.build_state),
    path("api/latest", documents.latest),
    path("overview", documents.overview),
    path("json/latest.json", documents.latest),
    path("json/branches.json", documents.branches),
    # 2017 to 2020. Before the documents: its folders are called by hashes.
    path("", include("images.api.classic.urls")),
    path("json/<path:path>", documents.document),
]
