"""The audit log, and triggers that keep it: they refuse to change or remove an entry, whoever asks.

SQLite makes a table anew when a later migration alters it, and its triggers go with the old one: such a migration has
to run `keep` again.
"""

from django.db import migrations, models

KEEP = {
    "sqlite": [
        "CREATE TRIGGER accounts_auditentry_update BEFORE UPDATE ON accounts_auditentry "
        "BEGIN SELECT RAISE(ABORT, 'The audit log is only added to.'); END",
        "CREATE TRIGGER accounts_auditentry_delete BEFORE DELETE ON accounts_auditentry "
        "BEGIN SELECT RAISE(ABORT, 'The audit log is only added to.'); END",
        # INSERT OR REPLACE removes a row without telling the trigger above.
        "CREATE TRIGGER accounts_auditentry_replace BEFORE INSERT ON accounts_auditentry "
        "WHEN EXISTS (SELECT 1 FROM accounts_auditentry WHERE id = NEW.id) "
        "BEGIN SELECT RAISE(ABORT, 'The audit log is only added to.'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION accounts_auditentry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'The audit log is only added to.' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER accounts_auditentry_row BEFORE UPDATE OR DELETE ON accounts_auditentry "
        "FOR EACH ROW EXECUTE FUNCTION accounts_auditentry_refuse()",
        "CREATE TRIGGER accounts_auditentry_table BEFORE TRUNCATE ON accounts_auditentry "
        "FOR EACH STATEMENT EXECUTE FUNCTION accounts_auditentry_refuse()",
    ],
}
RELEASE = {
    "sqlite": [
        "DROP TRIGGER accounts_auditentry_update",
        "DROP TRIGGER accounts_auditentry_delete",
        "DROP TRIGGER accounts_auditentry_replace",
    ],
    "postgresql": [
        "DROP TRIGGER accounts_auditentry_row ON accounts_auditentry",
        "DROP TRIGGER accounts_auditentry_table ON accounts_auditentry",
        "DROP FUNCTION accounts_auditentry_refuse()",
    ],
}


def keep(apps, schema_editor):
    for statement in KEEP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def release(apps, schema_editor):
    for statement in RELEASE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_counters'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('actor_pk', models.BigIntegerField(help_text="Of the operator's account.", null=True)),
                ('actor', models.CharField(blank=True, help_text='Name of the operator, or what else did it.', max_length=150)),
                ('address', models.CharField(blank=True, help_text='Where it came from; of IPv6 the /64.', max_length=64)),
                ('action', models.CharField(max_length=30)),
                ('subject', models.CharField(blank=True, help_text='The table that was acted on.', max_length=100)),
                ('key', models.CharField(blank=True, help_text="The row's primary key.", max_length=255)),
                ('sentence', models.CharField(blank=True, max_length=1000)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['-at', '-id'], name='audit_by_time'), models.Index(fields=['actor_pk', '-at', '-id'], name='audit_by_actor'), models.Index(fields=['action', '-at', '-id'], name='audit_by_action'), models.Index(fields=['subject', 'key', '-at', '-id'], name='audit_by_subject')],
            },
        ),
        migrations.RunPython(keep, release),
    ]
