"""Rollups that are read by ranges of their key lie in its order from now on, on SQLite."""

from django.db import migrations

from dashboard.clustered import cluster

# Small rows, written about in the order of their key too. Not those of videos, whose keys are random, nor their returns,
# of which SQLite would then no longer use the index by previous day.
TABLES = (
    "dashboard_daytotal",
    "dashboard_hourtotal",
    "dashboard_houryear",
    "dashboard_channelmonth",
    "dashboard_channelspan",
    "dashboard_sessiontotal",
    "dashboard_videoreplay",
    "dashboard_videoreturnofmonths",
)


def forwards(apps, schema_editor):
    cluster(schema_editor, *TABLES)


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0008_hours_of_years_and_triples")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
