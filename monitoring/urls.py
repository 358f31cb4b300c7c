"""The addresses of monitoring."""

from django.urls import path

from monitoring import intake, views
from monitoring.grafana import proxy
from monitoring.grafana import views as grafana

urlpatterns = [
    path("hooks/alertmanager/", intake.from_alertmanager, name="hook-alertmanager"),
    path("hooks/grafana/", intake.from_grafana, name="hook-grafana"),
    path("hooks/proxmox/", intake.from_proxmox, name="hook-proxmox"),
    path("metrics", views.metrics, name="metrics"),
    path("metrics/", views.metrics, name="metrics"),
    path("pve", views.pve, name="pve"),
    path("pve/", views.pve, name="pve"),
    path("api/prometheus/sd/", views.service_discovery, name="service-discovery"),
    path("grafana/", proxy.proxy, name="grafana"),
    path("grafana/<path:rest>", proxy.proxy, name="grafana"),
    path("_internal/grafana-auth", grafana.auth, name="grafana-auth"),
    path("_internal/grafana-denied", grafana.denied, name="grafana-denied"),
    path("_internal/grafana-away", grafana.away, name="grafana-away"),
]
