"""The addresses below ``/admin/panels/``."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.urls import path

from monitoring.drawing import views


def _staff(view: Callable[..., Any]) -> Callable[..., Any]:
    return admin.site.admin_view(view)


urlpatterns = [
    path("proxmox/<int:pk>/<int:number>/data", _staff(views.proxmox_data), name="panel-proxmox-data"),
    path("proxmox/<int:pk>/<int:number>/csv", _staff(views.proxmox_csv), name="panel-proxmox-csv"),
    path("<slug:uid>/marks", _staff(views.marks), name="panel-marks"),
    path("<slug:uid>/<int:number>/data", _staff(views.data), name="panel-data"),
    path("<slug:uid>/<int:number>/csv", _staff(views.csv), name="panel-csv"),
    path("<slug:uid>/<int:number>/", _staff(views.page), name="panel-page"),
]
