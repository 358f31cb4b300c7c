"""The groups viewer, operator and administrator, with the rights that portal/roles.py lists."""

from django.db import migrations


def forwards(apps, schema_editor):
    from portal.roles import apply

    apply()


class Migration(migrations.Migration):
    dependencies = [
        ("auditlog", "0017_add_actor_email"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("servers", "0001_inventory"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
