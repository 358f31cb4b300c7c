"""The roles learn about what webhooks took, and about their tokens."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0005_roles_for_reviews_and_coverage"),
        ("monitoring", "0007_hooks_and_flapping"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
