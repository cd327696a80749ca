"""The addresses that workers on other machines call, below /api/worker/v1/. See `builders.api.calls`."""

from django.urls import path

from builders.api import building, joining, supplies, uploads

app_name = "worker-api"

urlpatterns = [
    path("register", joining.register, name="register"),
    path("lease", building.lease, name="lease"),
    path("beat", building.beat, name="beat"),
    path("log/<int:build>/<int:epoch>", building.log, name="log"),
    path("uploads/<int:build>/<int:epoch>/<int:number>", uploads.upload, name="upload"),
    path("finish", building.finish, name="finish"),
    path("fail", building.fail, name="fail"),
    path("give-back", building.give_back, name="give-back"),
    path("imagebuilders/<str:sha256>", supplies.imagebuilder, name="imagebuilder"),
    path("indexes/<str:name>", supplies.index, name="index"),
    path("files/<str:distribution>/<path:path>", supplies.file, name="file"),
]
