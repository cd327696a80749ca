"""The maintainer's view of webhooks and their calls: to look at, to suspend, to call again, to delete."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from news import subscribing
from news.models import Delivery, Subscription
from packages.admin import ReadOnly


class _Acting(ReadOnly):
    """Rows that nobody edits, and actions for who may change them."""

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("news.change_subscription")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("news.delete_subscription")


@admin.register(Subscription)
class SubscriptionAdmin(_Acting, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("url", "state", "distribution", "version", "profile", "created_at", "delivered_at")
    list_filter = ("state", "distribution", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("url", "profile", "target")
    show_full_result_count = False
    actions = ("suspend", "resume")
    fields = (
        *("url", "state", "why", "organisation", "distribution", "version", "revision", "target", "profile"),
        *("packages", "reach", "created_at", "confirmed_at", "delivered_at", "looked_at"),
    )

    @admin.action(description="Suspend: call it no more until its owner resumes it", permissions=["act"])
    def suspend(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        count = subscribing.suspend(rows, "A maintainer of this server suspended it.")
        self.message_user(request, f"Suspended: {count}.")

    @admin.action(description="Resume", permissions=["act"])
    def resume(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        for row in rows:
            subscribing.resume(row)
        self.message_user(request, "Resumed.")


@admin.register(Delivery)
class DeliveryAdmin(_Acting, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "delivery_id",
        "event",
        "subscription",
        "created_at",
        "tries",
        "status",
        "delivered_at",
        "next_try_at",
    )
    list_filter = ("event", ("delivered_at", admin.EmptyFieldListFilter))
    list_select_related = ("subscription",)
    search_fields = ("=delivery_id", "subscription__url")
    show_full_result_count = False
    actions = ("send_again",)
    fields = (
        *("delivery_id", "subscription", "event", "created_at", "tries", "tried_at", "next_try_at"),
        *("delivered_at", "status", "said", "body"),
    )

    @admin.action(description="Send again, under the same id", permissions=["act"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        self.message_user(request, f"Queued: {subscribing.send_again(rows)}.")
