"""The roles learn about routes, silences, maintenance windows and decisions."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0006_roles_for_webhooks"),
        ("notifications", "0003_routing"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
