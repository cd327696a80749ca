"""The addresses of pages and of the store."""

from django.urls import path

from images.views import (
    about,
    choose,
    compare,
    device,
    devices,
    home,
    image,
    image_list,
    network_profiles,
    store,
    updates,
)

app_name = "images"

_DEVICE = "devices/<str:distribution>/<str:target>/<str:subtarget>/<str:profile>"

urlpatterns = [
    path("", home.home, name="home"),
    path("devices/", devices.devices, name="devices"),
    path(f"{_DEVICE}/", device.device, name="device"),
    path(f"{_DEVICE}/choose/", choose.choose, name="choose"),
    path(f"{_DEVICE}/choose/packages", choose.choose_packages, name="choose-packages"),
    path(f"{_DEVICE}/choose/selection", choose.choose_selection, name="choose-selection"),
    path("about/", about.about, name="about"),
    path("images/", image_list.image_list, name="list"),
    path("images/<str:request_hash>/", image.image_detail, name="detail"),
    path("images/<str:request_hash>/live", image.image_live, name="live"),
    path("images/<str:request_hash>/events", image.image_events, name="events"),
    path("images/<str:request_hash>/<str:act>", image.image_act, name="act"),
    path("updates/", updates.updates, name="updates"),
    path("updates/build", updates.update_build, name="update-build"),
    path("compare/", compare.compare, name="compare"),
    path("network-profiles/", network_profiles.network_profile_list, name="network-profiles"),
    path("store/<str:request_hash>/<str:name>", store.store, name="store"),
    path("<slug:distribution>/store/<str:request_hash>/<str:name>", store.store),
]
