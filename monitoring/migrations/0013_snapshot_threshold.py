"""The threshold of SnapshotTooOld."""

from django.db import migrations


def forwards(apps, schema_editor):
    apps.get_model("monitoring", "AlertThreshold").objects.get_or_create(
        alert="SnapshotTooOld", defaults={"value": 30}
    )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0012_long_messages"), ("servers", "0011_guest_snapshots")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
