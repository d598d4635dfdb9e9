"""What Clerk's webhooks and the deletion of accounts need."""

import hashlib

import accounts.models
from django.db import migrations, models


def hash_tombstones(apps, schema_editor):
    tombstones = apps.get_model("accounts", "Tombstone").objects.using(schema_editor.connection.alias)
    for stone in tombstones.filter(digest__startswith="user_"):
        tombstones.filter(pk=stone.pk).update(digest=hashlib.sha256(stone.pk.encode()).hexdigest())


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_accesstoken'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='display_name',
            field=models.CharField(blank=True, default='', help_text='How they want to be called. Empty: as Clerk knows them.', max_length=150),
        ),
        migrations.AddField(
            model_name='user',
            name='clerk_event_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='Of the latest webhook about them: older ones are ignored.', null=True),
        ),
        migrations.RenameField(
            model_name='tombstone',
            old_name='clerk_id',
            new_name='digest',
        ),
        migrations.RunPython(hash_tombstones, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='tombstone',
            name='digest',
            field=models.CharField(help_text='SHA-256 of the Clerk id.', max_length=64, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='tombstone',
            name='deleted_at',
            field=models.DateTimeField(),
        ),
        migrations.CreateModel(
            name='WebhookEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.CharField(help_text='The svix-id header.', max_length=128, unique=True)),
                ('type', models.CharField(help_text='Such as user.deleted.', max_length=100)),
                ('event_at', models.DateTimeField(help_text="When it happened, by Clerk's clock.")),
                ('received_at', models.DateTimeField()),
                ('outcome', models.CharField(blank=True, help_text='What became of it here.', max_length=20)),
            ],
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('receipt', models.CharField(default=accounts.models.receipt_number, editable=False, max_length=32, unique=True)),
                ('user_pk', models.BigIntegerField()),
                ('requested_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('checked_at', models.DateTimeField(help_text='When it was looked for what had come since.', null=True)),
                ('erased', models.JSONField(default=dict, help_text='How many rows were erased so far, by table.')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('checked_at', None)), fields=['id'], name='erasure_to_be_done')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('user_pk',), name='erasure_one_at_a_time')],
            },
        ),
    ]
