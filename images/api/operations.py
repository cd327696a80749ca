"""The API as REST framework views: what the schema is generated from. The addresses themselves are served by the plain
views that these call, which cost half as much.
"""

from django.http import HttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from images.api import build, check, documents, shapes

_WISH = OpenApiExample(
    "Two packages more",
    request_only=True,
    value={
        "version": "25.04.0",
        "target": "demo/generic",
        "profile": "acme_lighthouse-ac",
        "packages": ["luci", "demo-get"],
        "client": "curl",
    },
)
_STATES = {
    200: shapes.DoneSerializer,
    202: shapes.PendingSerializer,
    400: shapes.ErrorSerializer,
    500: shapes.FailedSerializer,
}


class BuildOperations(APIView):
    """Ask for an image."""

    @extend_schema(
        operation_id="build",
        tags=["images"],
        request=shapes.WishSerializer,
        responses={**_STATES, **dict.fromkeys((413, 422, 429, 503), shapes.ErrorSerializer)},
        examples=[_WISH],
        description="Asks for an image. The same wish, however it is spelt, is one build with one hash; asked again it "
        "is answered with the state it is in. 422 names unknown packages, also in the header `X-Unknown-Package`. 429: "
        "this client has asked for too many new images; 503: the queue is too long; both with `Retry-After`; what is "
        "built already is served all the same. A client is an address, or whoever sends `Authorization: Bearer "
        "asu-client-...` with a token from the maintainers of this server; no token is needed, and one that is not "
        "known is ignored. Cancel and retry with the same token. The token of an organisation opens its private "
        "distributions, network profiles and images; to everybody else they do not exist.",
    )
    def post(self, request: Request) -> HttpResponse:
        """Asks for an image."""
        return build.build(request._request)


class BuildStateOperations(APIView):
    """How it stands with an image."""

    @extend_schema(
        operation_id="build_state",
        tags=["images"],
        responses={**_STATES, 404: shapes.ErrorSerializer, 410: shapes.ErrorSerializer},
        description="The state of a build; poll every few seconds while it is 202. HEAD gives the same status with "
        "`X-Imagebuilder-Status` and `X-Queue-Position`. 410: nobody asked for it for a while, so it left the queue; "
        "POST the request again.",
    )
    def get(self, request: Request, request_hash: str) -> HttpResponse:
        """The state of a build."""
        return build.build_state(request._request, request_hash)


class CancelOperations(APIView):
    """Not wanted any more."""

    @extend_schema(
        operation_id="build_cancel",
        tags=["images"],
        request=None,
        responses={202: shapes.PendingSerializer, **dict.fromkeys((403, 404, 409, 410), shapes.ErrorSerializer)},
        description="Cancels a build for the one who asked for it: 410 when it waited, 202 while it is being stopped. "
        "409 when others wait for it too.",
    )
    def post(self, request: Request, request_hash: str) -> HttpResponse:
        """Cancels."""
        return build.cancel(request._request, request_hash)


class RetryOperations(APIView):
    """Once more."""

    @extend_schema(
        operation_id="build_retry",
        tags=["images"],
        request=None,
        responses={**_STATES, **dict.fromkeys((404, 409, 429, 503), shapes.ErrorSerializer)},
        description="Tries a failed build once more at once, where a POST would be told of the failure for a while.",
    )
    def post(self, request: Request, request_hash: str) -> HttpResponse:
        """Tries it once more."""
        return build.retry(request._request, request_hash)


_DEVICE = OpenApiExample(
    "A device with its packages",
    request_only=True,
    value={
        "version": "24.04.2",
        "target": "demo/generic",
        "profile": "acme,lighthouse-ac",
        "packages": {"base-files": "1042-r1042-5d2a91c3e0", "luci": "23.051.1-1", "demo-fetch": "0.9-1"},
        "reach": "distribution",
    },
)


class CheckOperations(APIView):
    """Is there something newer?"""

    @extend_schema(
        operation_id="check",
        tags=["images"],
        request=shapes.QuestionSerializer,
        responses={200: shapes.VerdictSerializer, **dict.fromkeys((400, 413, 503), shapes.ErrorSerializer)},
        examples=[_DEVICE],
        description="What is newer for a device: a release of its channel, or of the whole distribution, else newer "
        "packages; which packages were renamed, merged, split, dropped or made default on the way, where and why; and "
        "`request`, ready to be sent to `/api/v1/build`. `is_newer` false and no `updates`: it has the newest. 503 "
        "while the documents of a release are being fetched, with `Retry-After`.",
    )
    def post(self, request: Request) -> HttpResponse:
        """What is newer."""
        return check.check(request._request)


class OverviewOperations(APIView):
    """What is offered."""

    @extend_schema(
        operation_id="overview",
        tags=["catalogue"],
        responses={200: shapes.OverviewSerializer, 404: shapes.ErrorSerializer},
        description="Branches, versions, targets, and what this server allows.",
    )
    def get(self, request: Request) -> HttpResponse:
        """What is offered."""
        return documents.overview(request._request)


class BranchesOperations(APIView):
    """The branches alone."""

    @extend_schema(
        operation_id="branches",
        tags=["catalogue"],
        responses={200: shapes.BranchSerializer(many=True), 404: shapes.ErrorSerializer},
        description="The branches of the overview as a list.",
    )
    def get(self, request: Request) -> HttpResponse:
        """The branches."""
        return documents.branches(request._request)


class LatestOperations(APIView):
    """The newest versions."""

    @extend_schema(
        operation_id="latest",
        tags=["catalogue"],
        responses={200: shapes.LatestSerializer, 404: shapes.ErrorSerializer},
        description="The newest version of each branch, newest branch first.",
    )
    def get(self, request: Request) -> HttpResponse:
        """The newest versions."""
        return documents.latest(request._request)


class RevisionOperations(APIView):
    """The revision of a release."""

    @extend_schema(
        operation_id="revision",
        tags=["catalogue"],
        responses={200: shapes.RevisionSerializer, 404: shapes.ErrorSerializer, 503: shapes.ErrorSerializer},
        description="The revision that an image of this version would have.",
    )
    def get(self, request: Request, version: str, target: str, subtarget: str) -> HttpResponse:
        """The revision."""
        return documents.revision(request._request, version, target, subtarget)


class NetworkProfileOperations(APIView):
    """What requests may name as `network_profile`."""

    @extend_schema(
        operation_id="network_profiles",
        tags=["catalogue"],
        responses={200: shapes.NetworkProfileListSerializer, 404: shapes.ErrorSerializer},
        description="The network profiles for a distribution; with the token of an organisation its own too.",
    )
    def get(self, request: Request) -> HttpResponse:
        """The network profiles."""
        return documents.network_profile_list(request._request)


class TargetIndexOperations(APIView):
    """Packages of a target."""

    @extend_schema(
        operation_id="target_index",
        tags=["catalogue"],
        responses={200: shapes.TargetIndexSerializer, 404: shapes.ErrorSerializer, 503: shapes.ErrorSerializer},
        description="The packages of one target with their versions, kernel modules included.",
    )
    def get(self, request: Request, version: str, target: str, subtarget: str) -> HttpResponse:
        """Packages of a target."""
        return documents.document(request._request, f"releases/{version}/targets/{target}/{subtarget}/index.json")


operations = [
    path("api/v1/build", BuildOperations.as_view()),
    path("api/v1/build/<str:request_hash>", BuildStateOperations.as_view()),
    path("api/v1/build/<str:request_hash>/cancel", CancelOperations.as_view()),
    path("api/v1/build/<str:request_hash>/retry", RetryOperations.as_view()),
    path("api/v1/check", CheckOperations.as_view()),
    path("api/v1/overview", OverviewOperations.as_view()),
    path("api/v1/latest", LatestOperations.as_view()),
    path("api/v1/revision/<str:version>/<str:target>/<str:subtarget>", RevisionOperations.as_view()),
    path("api/v1/network-profiles", NetworkProfileOperations.as_view()),
    path("json/v1/branches.json", BranchesOperations.as_view()),
    path(
        "json/v1/releases/<str:version>/targets/<str:target>/<str:subtarget>/index.json",
        TargetIndexOperations.as_view(),
    ),
]
