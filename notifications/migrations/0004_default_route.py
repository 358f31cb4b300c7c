"""The route that takes what no other one takes: every enabled channel, as before there were routes."""

from django.db import migrations


def forwards(apps, schema_editor):
    values = {"name": "Everything else", "position": 1_000_000, "every_channel": True}
    apps.get_model("notifications", "Route").objects.get_or_create(is_default=True, defaults=values)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_routing")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
