"""The roles learn about the weekly reviews and the monitoring coverage."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0004_roles_for_thresholds"),
        ("monitoring", "0005_review_and_coverage"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
