"""The roles learn about the exceptions to what is told."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0008_roles_for_changing_servers"),
        ("monitoring", "0009_nearly_full"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
