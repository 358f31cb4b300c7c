"""The threshold of StorageNearlyFull."""

from django.db import migrations


def forwards(apps, schema_editor):
    apps.get_model("monitoring", "AlertThreshold").objects.get_or_create(
        alert="StorageNearlyFull", defaults={"value": 80}
    )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0008_watching")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
