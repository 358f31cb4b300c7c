"""The addresses of monitoring."""

from django.urls import path

from monitoring import intake, views

urlpatterns = [
    path("hooks/alertmanager/", intake.from_alertmanager, name="hook-alertmanager"),
    path("metrics", views.metrics, name="metrics"),
    path("metrics/", views.metrics, name="metrics"),
    path("pve", views.pve, name="pve"),
    path("pve/", views.pve, name="pve"),
    path("api/prometheus/sd/", views.service_discovery, name="service-discovery"),
]
