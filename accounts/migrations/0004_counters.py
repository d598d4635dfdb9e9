"""Where requests are counted if the database is PostgreSQL (accounts/counters.py); SQLite counts in a file of its own."""

from django.db import migrations

# Unlogged: a crash may take a minute's count, and each request writes here.
CREATE = """
CREATE UNLOGGED TABLE accounts_counter (key text PRIMARY KEY, count bigint NOT NULL, expires bigint NOT NULL)
WITH (fillfactor = 70);
CREATE INDEX accounts_counter_by_expiry ON accounts_counter (expires);
"""


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TABLE accounts_counter")


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_webhooks_and_erasures'),
    ]

    operations = [
        migrations.RunPython(create, drop),
    ]
