"""The addresses of pages and of the store."""

from django.urls import path

from images.views import about, home, image, image_list, network_profiles, store

app_name = "images"

urlpatterns = [
    path("", home.home, name="home"),
    path("about/", about.about, name="about"),
    path("images/", image_list.image_list, name="list"),
    path("images/<str:request_hash>/", image.image_detail, name="detail"),
    path("images/<str:request_hash>/<str:act>", image.image_act, name="act"),
    path("network-profiles/", network_profiles.network_profile_list, name="network-profiles"),
    path("store/<str:request_hash>/<str:name>", store.store, name="store"),
    path("<slug:distribution>/store/<str:request_hash>/<str:name>", store.store),
]
