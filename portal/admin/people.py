"""Users and groups, with Unfold's forms and the permissions of ``may``."""

from typing import Any

from django.contrib import admin

# Importing it registers Django's own pages, so that they can be replaced whatever the order of the apps.
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from portal.lib import show
from portal.lib.admin import GuardedAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(GuardedAdmin, DjangoUserAdmin):
    """People who may log in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "email", "roles", "state", "seen")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    export_columns = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "last_login")
    ordering = ("username",)
    filter_horizontal = ()
    autocomplete_fields = ("groups",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": (("username", "password"), ("first_name", "last_name"), "email")}),
        (_("What they may do"), {"fields": ("is_active", "is_staff", "groups", "is_superuser")}),
        (_("Dates"), {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2", "is_staff", "groups")}),
    )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Whoever is added is to log in here, unless it is said otherwise."""
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_queryset(self, request: HttpRequest) -> Any:
        """With their groups, in one more query."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes superusers."""
        extra = () if request.user.is_superuser else ("is_superuser",)
        return (*super().get_readonly_fields(request, obj), *extra)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser is edited by superusers only: else a password change would make anybody one."""
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same for deleting."""
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    @staticmethod
    def _may_touch(request: HttpRequest, obj: Any) -> bool:
        return bool(request.user.is_superuser or not getattr(obj, "is_superuser", False))

    @display(description=_("name"))
    def full_name(self, user: User) -> str:
        """First and last name."""
        return user.get_full_name() or show.DASH

    @display(description=_("roles"))
    def roles(self, user: User) -> Any:
        """The groups, and whether they are a superuser."""
        found: list[tuple[object, str]] = [(group.name, show.CALM) for group in user.groups.all()]
        if user.is_superuser:
            found.insert(0, (_("superuser"), show.WARN))
        return show.badges(found) if found else show.badge(_("none"), show.MUTED)

    @display(description=_("may log in"), ordering="is_active")
    def state(self, user: User) -> Any:
        """Whether the portal lets them in."""
        if not user.is_active:
            return show.badge(_("inactive"), show.BAD)
        return show.badge(_("yes"), show.GOOD) if user.is_staff else show.badge(_("not staff"), show.WARN)

    @display(description=_("last login"), ordering="last_login")
    def seen(self, user: User) -> Any:
        """How long ago."""
        return show.moment(user.last_login)


@admin.register(Group)
class GroupAdmin(GuardedAdmin, DjangoGroupAdmin):
    """Roles: viewer, operator and administrator come with the portal; others may be added."""

    list_display = ("name",)
    search_fields = ("name",)
    filter_horizontal = ()
    autocomplete_fields = ()
