"""Every address of the portal."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from monitoring import runbooks
from monitoring.admin import dashboards
from portal import dashboard, health, nextsteps, savedviews

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.ReadyView.as_view(), name="readyz"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/overview/", admin.site.admin_view(dashboard.fragment), name="overview"),
    path("admin/next-steps/hide/", admin.site.admin_view(nextsteps.hide), name="next-steps-hide"),
    path("admin/views/add/", admin.site.admin_view(savedviews.add), name="saved-view-add"),
    path("admin/views/<int:pk>/remove/", admin.site.admin_view(savedviews.remove), name="saved-view-remove"),
    path("admin/panels/", include("monitoring.drawing.urls")),
    path("admin/dashboards/", admin.site.admin_view(dashboards.index), name="dashboards"),
    path("admin/dashboards/<slug:uid>/", admin.site.admin_view(dashboards.page), name="dashboard"),
    path("admin/", admin.site.urls),
    path("runbooks/<slug:name>/", admin.site.admin_view(runbooks.page), name="runbook"),
    path("", include("monitoring.urls")),
]
