"""The addresses of pages and of the store."""

from django.urls import path

from images import views

app_name = "images"

urlpatterns = [
    path("", views.home, name="home"),
    path("images/", views.image_list, name="list"),
    path("images/<str:request_hash>/", views.image_detail, name="detail"),
    path("images/<str:request_hash>/<str:act>", views.image_act, name="act"),
    path("network-profiles/", views.network_profile_list, name="network-profiles"),
    path("store/<str:request_hash>/<str:name>", views.store, name="store"),
    path("<slug:distribution>/store/<str:request_hash>/<str:name>", views.store),
]
