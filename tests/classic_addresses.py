"""The addresses of the classic API, each with what of it could name something private. See tests/test_privacy.py."""

from tests.images.publications import SYSUPGRADE

# Route -> places, also below /<distribution>/. {hash}: of a private distribution's image; {mine}: of an image with a
# private network profile on a public distribution; {manifest}: of the former; {early}: cannot be checked yet.
CLASSIC = {
    "update-request": ["POST /update-request"],
    "image-request": ["POST /image-request"],
    "build-request": ["POST /build-request"],
    "files-request": ["POST /files-request"],
    "api/upgrade-check": ["POST /api/upgrade-check"],
    "api/upgrade-request": ["POST /api/upgrade-request"],
    "api/upgrade-request/<str:request_hash>": ["/api/upgrade-request/{hash}", "/api/upgrade-request/{early}-st"],
    "api/build-request": ["POST /api/build-request"],
    "api/build-request/<str:request_hash>": ["/api/build-request/{hash}-st", "/api/build-request/{mine}"],
    "download/<str:request_hash>/<str:name>": [
        f"/download/{{hash}}/{SYSUPGRADE}",
        f"/download/{{mine}}/{SYSUPGRADE}.log",
    ],
    "json/<hash:request_hash>/": ["/json/{hash}/", "/json/{mine}/"],
    "json/<hash:request_hash>/<str:name>": [f"/json/{{hash}}/{SYSUPGRADE}", "/json/{mine}/sha256sums"],
    "static/faillogs/<hash:request_hash>.log": ["/static/faillogs/{failed}.log"],
    "static/<hash:request_hash>/<str:name>": [f"/static/{{hash}}/{SYSUPGRADE}.sig", "/static/{mine}/build.log"],
    "api/packages_image": ["/api/packages_image?{place}"],
    "api/default_packages": ["/api/default_packages?{place}"],
    "api/image/<str:image_hash>": ["/api/image/{hash}", "/api/image/{mine}"],
    "api/manifest/<str:manifest_hash>": ["/api/manifest/{manifest}"],
    "manifest-info/<str:manifest_hash>": ["/manifest-info/{manifest}", "/manifest-info/{hash}"],
    "packages-hash/<str:manifest_hash>": ["/packages-hash/{manifest}", "/packages-hash/{mine}"],
    # Lists: see test_privacy_classic.
    "api/distros": [],
    "api/distributions": [],
    "api/releases": [],
    "api/versions": [],
    "api/models": [],
    "api/network_profiles": [],
    "network-profiles/Packages": [],
    "api/v1/stats/image_stats": [],
    "supported": [],
    "fails": [],
}
LISTS = [
    "/api/distros",
    "/api/distributions",
    "/api/releases",
    "/api/versions",
    "/api/models?distro={name}&version=24.10.2&model_search=",
    "/api/network_profiles",
    "/network-profiles/Packages",
    "/supported?json=1",
    "/images/?state=failed",
]
