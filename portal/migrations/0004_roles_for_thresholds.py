"""The roles learn about the thresholds of the alert rules."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0003_roles_for_operations_and_incidents"),
        ("monitoring", "0003_thresholds"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
