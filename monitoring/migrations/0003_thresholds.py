"""The thresholds of the alert rules, with a row for each."""

from django.db import migrations, models

VALUES = {
    "HighCPUUsage": 80,
    "HighMemoryUsage": 85,
    "HighDiskUsage": 90,
    "StorageFull": 90,
    "StorageFilling": 4,
    "BackupTooOld": 8,
    "BackupFailed": 0,
    "NoBackup": 0,
    "NoActiveServers": 0,
    "SyncFailing": 2,
    "SyncStale": 300,
    "DeliveryFailing": 0,
    "DeliveryLate": 300,
    "PortalErrors": 5,
}


def forwards(apps, schema_editor):
    model = apps.get_model("monitoring", "AlertThreshold")
    model.objects.bulk_create(model(alert=alert, value=value) for alert, value in VALUES.items())


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0002_incidents")]

    operations = [
        migrations.CreateModel(
            name="AlertThreshold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("alert", models.CharField(editable=False, max_length=60, unique=True, verbose_name="alert rule")),
                ("value", models.FloatField(verbose_name="threshold")),
                (
                    "note",
                    models.CharField(
                        blank=True, default="", help_text="Why it differs.", max_length=200, verbose_name="note"
                    ),
                ),
            ],
            options={"verbose_name": "threshold", "verbose_name_plural": "thresholds", "ordering": ["alert"]},
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False),
    ]
