# ruff: noqa: S608 - its SQL is made of the words in this file
"""Sessions, the very first plays of videos, and the plays without an hour: made room for, and filled from the records
of everybody. The statements are those of that day.
"""

from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion

INSTANT = {"sqlite": "CAST(strftime('%s', watched_at) AS INTEGER)", "postgresql": "extract(epoch FROM watched_at)::bigint"}
SESSIONS = """
    INSERT INTO dashboard_sessiontotal (user_id, start, id, day, last_start, length, plays, seconds)
    WITH plays AS (
        SELECT user_id, id, watched_at, watched_on, coalesce(seconds, 0) AS seconds, {instant} AS at
        FROM ingest_watchrecord
        WHERE NOT is_ad AND hour IS NOT NULL
    ), placed AS (
        SELECT plays.*, max(at + seconds) OVER (
            PARTITION BY user_id ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended
        FROM plays
    ), numbered AS (
        SELECT placed.*, sum(CASE WHEN at - ended <= 1800 THEN 0 ELSE 1 END) OVER (
            PARTITION BY user_id ORDER BY at, id ROWS UNBOUNDED PRECEDING
        ) AS number
        FROM placed
    )
    SELECT user_id, min(watched_at), min(CASE WHEN at - ended <= 1800 THEN NULL ELSE id END),
        min(CASE WHEN at - ended <= 1800 THEN NULL ELSE watched_on END), max(watched_at),
        max(at + seconds) - min(at), count(*), sum(seconds)
    FROM numbered
    GROUP BY user_id, number"""
STATED = """
    UPDATE dashboard_daytotal SET stated_plays = counted.plays, stated_seconds = counted.seconds
    FROM (
        SELECT user_id, watched_on, product, count(*) AS plays, coalesce(sum(seconds), 0) AS seconds
        FROM ingest_watchrecord
        WHERE NOT is_ad AND hour IS NULL AND watched_on IS NOT NULL
        GROUP BY 1, 2, 3
    ) AS counted
    WHERE dashboard_daytotal.user_id = counted.user_id
        AND dashboard_daytotal.day = counted.watched_on AND dashboard_daytotal.product = counted.product"""
FIRST_SEEN = """
    UPDATE dashboard_daytotal SET first_seen_videos = counted.videos
    FROM (
        SELECT user_id, day, product, count(*) AS videos
        FROM (
            SELECT user_id, watched_on AS day, product, row_number() OVER (
                PARTITION BY user_id, video_id ORDER BY watched_on, product {code_points}
            ) AS place
            FROM ingest_watchrecord
            WHERE NOT is_ad AND watched_on IS NOT NULL AND video_id IS NOT NULL
        ) AS placed
        WHERE place = 1
        GROUP BY 1, 2, 3
    ) AS counted
    WHERE dashboard_daytotal.user_id = counted.user_id
        AND dashboard_daytotal.day = counted.day AND dashboard_daytotal.product = counted.product"""


def fill(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    code_points = 'COLLATE "C"' if vendor == "postgresql" else ""
    for statement in (
        SESSIONS.format(instant=INSTANT[vendor]),
        STATED,
        FIRST_SEEN.format(code_points=code_points),
    ):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('ingest', '0004_lists_in_order'),
        ('dashboard', '0005_returns_twins'),
    ]

    operations = [
        migrations.CreateModel(
            name='SessionTotal',
            fields=[
                ('pk', models.CompositePrimaryKey('user', 'start', blank=True, editable=False, primary_key=True, serialize=False)),
                ('start', models.DateTimeField(help_text='The time of its first play.')),
                ('id', models.BigIntegerField(help_text='Of its first play; of several at one time the smallest.')),
                ('day', models.DateField(help_text='The local day it started on.')),
                ('last_start', models.DateTimeField(help_text='The time of its last play.')),
                ('length', models.BigIntegerField(help_text='Seconds from its start to the latest end of a play.')),
                ('plays', models.BigIntegerField()),
                ('seconds', models.BigIntegerField()),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', 'day', 'length', 'plays'], name='sessiontotal_by_day')],
            },
        ),
        migrations.CreateModel(
            name='SessionTotalTwin',
            fields=[
                ('start', models.DateTimeField(help_text='The time of its first play.', primary_key=True, serialize=False)),
                ('id', models.BigIntegerField(help_text='Of its first play; of several at one time the smallest.')),
                ('day', models.DateField(help_text='The local day it started on.')),
                ('last_start', models.DateTimeField(help_text='The time of its last play.')),
                ('length', models.BigIntegerField(help_text='Seconds from its start to the latest end of a play.')),
                ('plays', models.BigIntegerField()),
                ('seconds', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'session total',
                'verbose_name_plural': 'session totals',
                'db_table': 'dashboard_sessiontotal',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.AddField(
            model_name='daytotal',
            name='first_seen_videos',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Those of them that were never before watched in any product.'),
        ),
        migrations.AddField(
            model_name='daytotal',
            name='stated_plays',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Those of the plays of which only the day is known.'),
        ),
        migrations.AddField(
            model_name='daytotal',
            name='stated_seconds',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name='channeltotal',
            index=models.Index(fields=['user', '-first_on', '-first_watched', 'channel_id'], name='channeltotal_by_first_on'),
        ),
        migrations.AddIndex(
            model_name='videoreturn',
            index=models.Index(condition=models.Q(('day', models.F('previous_day'))), fields=['user', 'day', 'previous_day'], name='videoreturn_within_a_day'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
