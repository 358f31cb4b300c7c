"""The roles learn about changing, creating and deleting servers."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0005_roles_for_reviews_and_coverage"),
        ("servers", "0008_plans"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
