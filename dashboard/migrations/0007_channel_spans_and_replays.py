# ruff: noqa: S608 - its SQL is made of the words in this file
"""Totals of channels by quarter and year, and the returns of each video: made room for, and filled from what there is of
everybody. The statements are those of that day.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STARTS = {
    "sqlite": {
        3: "date(month, '-' || ((CAST(strftime('%m', month) AS INTEGER) - 1) % 3) || ' months')",
        12: "date(month, 'start of year')",
    },
    "postgresql": {3: "date_trunc('quarter', month)::date", 12: "date_trunc('year', month)::date"},
}
SPANS = """
    INSERT INTO dashboard_channelspan (user_id, months, start, channel_id, product, plays, seconds, timed)
    SELECT user_id, {months}, {start}, channel_id, product, sum(plays), sum(seconds), sum(timed)
    FROM dashboard_channelmonth
    GROUP BY 1, 2, 3, 4, 5"""
PLAYS = "NOT is_ad AND watched_on IS NOT NULL AND video_id IS NOT NULL"
REPLAYS = f"""
    INSERT INTO dashboard_videoreplay (user_id, day, previous_day, video_id, product, of_product, of_all)
    WITH cells AS (
        SELECT user_id, video_id, watched_on AS day, product, count(*) AS plays
        FROM ingest_watchrecord
        WHERE {PLAYS}
        GROUP BY user_id, video_id, watched_on, product
    ), steps AS (
        SELECT user_id, video_id, day, product, plays,
            lag(day) OVER (PARTITION BY user_id, video_id, product ORDER BY day) AS previous_of_product,
            lag(day) OVER (PARTITION BY user_id, video_id ORDER BY day, product {{code_points}}) AS previous_of_all
        FROM cells
    ), replays AS (
        SELECT user_id, day, previous_of_product AS previous_day, video_id, product, 1 AS of_product, 0 AS of_all
        FROM steps
        UNION ALL
        SELECT user_id, day, previous_of_all, video_id, product, 0, 1 FROM steps
        UNION ALL
        SELECT user_id, day, day, video_id, product, plays - 1, plays - 1 FROM steps WHERE plays > 1
    )
    SELECT user_id, day, previous_day, video_id, product, sum(of_product), sum(of_all)
    FROM replays
    WHERE previous_day IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5"""

NAMELESS = """
    UPDATE dashboard_daytotal SET nameless_plays = counted.plays, nameless_seconds = counted.seconds
    FROM (
        SELECT user_id, watched_on, product, count(*) AS plays, coalesce(sum(seconds), 0) AS seconds
        FROM ingest_watchrecord
        WHERE NOT is_ad AND video_id IS NULL AND watched_on IS NOT NULL
        GROUP BY 1, 2, 3
    ) AS counted
    WHERE dashboard_daytotal.user_id = counted.user_id
        AND dashboard_daytotal.day = counted.watched_on AND dashboard_daytotal.product = counted.product"""


def fill(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for months, start in STARTS[vendor].items():
        schema_editor.execute(SPANS.format(months=months, start=start), params=None)
    code_points = 'COLLATE "C"' if vendor == "postgresql" else ""
    schema_editor.execute(NAMELESS, params=None)
    schema_editor.execute(REPLAYS.format(code_points=code_points), params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0006_sessions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ChannelSpanTwin',
            fields=[
                ('plays', models.BigIntegerField(default=0)),
                ('seconds', models.BigIntegerField(default=0)),
                ('timed', models.BigIntegerField(default=0)),
                ('months', models.PositiveSmallIntegerField(help_text='How long it is: 3 or 12.', primary_key=True, serialize=False)),
                ('start', models.DateField(help_text='Its first day.')),
                ('channel_id', models.BigIntegerField()),
                ('product', models.CharField(max_length=32)),
            ],
            options={
                'verbose_name': 'channel span',
                'verbose_name_plural': 'channel spans',
                'db_table': 'dashboard_channelspan',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='VideoReplayTwin',
            fields=[
                ('product', models.CharField(max_length=32)),
                ('of_product', models.BigIntegerField(default=0)),
                ('of_all', models.BigIntegerField(default=0)),
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('previous_day', models.DateField()),
                ('video_id', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'video replay',
                'verbose_name_plural': 'video replays',
                'db_table': 'dashboard_videoreplay',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='ChannelSpan',
            fields=[
                ('plays', models.BigIntegerField(default=0)),
                ('seconds', models.BigIntegerField(default=0)),
                ('timed', models.BigIntegerField(default=0)),
                ('pk', models.CompositePrimaryKey('user', 'months', 'start', 'channel_id', 'product', blank=True, editable=False, primary_key=True, serialize=False)),
                ('months', models.PositiveSmallIntegerField(help_text='How long it is: 3 or 12.')),
                ('start', models.DateField(help_text='Its first day.')),
                ('channel_id', models.BigIntegerField()),
                ('product', models.CharField(max_length=32)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='VideoReplay',
            fields=[
                ('product', models.CharField(max_length=32)),
                ('of_product', models.BigIntegerField(default=0)),
                ('of_all', models.BigIntegerField(default=0)),
                ('pk', models.CompositePrimaryKey('user', 'day', 'previous_day', 'video_id', 'product', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('previous_day', models.DateField()),
                ('video_id', models.BigIntegerField()),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='daytotal',
            name='nameless_plays',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Those of the plays of which nobody knows the video.'),
        ),
        migrations.AddField(
            model_name='daytotal',
            name='nameless_seconds',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
