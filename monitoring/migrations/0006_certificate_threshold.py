"""The threshold of CertificateExpiring."""

from django.db import migrations


def forwards(apps, schema_editor):
    apps.get_model("monitoring", "AlertThreshold").objects.get_or_create(
        alert="CertificateExpiring", defaults={"value": 14}
    )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0005_review_and_coverage")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
