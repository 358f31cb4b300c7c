"""The canary: which inbound messages are one, and the threshold of CanaryStale."""

from django.db import migrations, models


def forwards(apps, schema_editor):
    apps.get_model("monitoring", "AlertThreshold").objects.get_or_create(alert="CanaryStale", defaults={"value": 600})


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0009_nearly_full")]

    operations = [
        migrations.AddField(
            model_name="inbound", name="canary", field=models.BooleanField(default=False, editable=False)
        ),
        migrations.AddIndex(
            model_name="inbound",
            index=models.Index(condition=models.Q(("canary", True)), fields=["received_at"], name="inbound_canaries"),
        ),
        migrations.AlterField(
            model_name="conditionoverride",
            name="condition",
            field=models.CharField(
                choices=[
                    ("guest_down", "server is down"),
                    ("guest_unexpected", "server runs unexpectedly"),
                    ("node_offline", "node is offline"),
                    ("cluster_unreachable", "cluster cannot be synced"),
                    ("cluster_not_quorate", "cluster has no quorum"),
                    ("storage_full", "storage is full"),
                    ("storage_failed", "storage is out of reach"),
                    ("backup_failed", "backup failed"),
                    ("backup_too_old", "backup is too old"),
                    ("not_in_backup_job", "server is in no backup job"),
                    ("snapshot_too_old", "snapshot is too old"),
                    ("certificate_expiring", "certificate ends soon"),
                    ("operation_failed", "operation failed"),
                    ("delivery_failing", "messages do not arrive"),
                    ("canary_stale", "alerts do not arrive"),
                    ("replication_failed", "replication failed"),
                    ("package_updates", "updates are available"),
                    ("system_mail", "mail to root"),
                    ("datasource_no_data", "a rule of Grafana gets no data"),
                    ("datasource_error", "a rule of Grafana cannot be evaluated"),
                ],
                max_length=60,
                verbose_name="condition",
            ),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False),
    ]
