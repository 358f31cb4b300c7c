"""The roles learn about operations, incidents and messages."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0002_savedview"),
        ("servers", "0003_operations"),
        ("monitoring", "0002_incidents"),
        ("notifications", "0001_channels_and_deliveries"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
