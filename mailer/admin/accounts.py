"""Users and groups, as Django's own admin has them, in the theme's clothes."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from mailer.admin.base import AdminPasswordChangeForm, Pages, UserChangeForm, UserCreationForm
from mailer.admin.columns import moment

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserPages(UserAdmin, Pages):  # type: ignore[type-arg,misc]
    """Staff."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", moment("last_login", "Last login"))
    readonly_fields = ("last_login", "date_joined")


@admin.register(Group)
class GroupPages(GroupAdmin, Pages):  # type: ignore[misc]
    """What staff may do."""
