# ruff: noqa: S608 - its SQL is made of the words in this file
"""Totals of hours by year, and the plays of videos in threes: made room for, and filled from what there is of
everybody. The statements are those of that day.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

YEAR = {"sqlite": "date(month, 'start of year')", "postgresql": "date_trunc('year', month)::date"}
HOURS = """
    INSERT INTO dashboard_houryear (user_id, year, weekday, hour, product, plays, seconds, timed)
    SELECT user_id, {year}, weekday, hour, product, sum(plays), sum(seconds), sum(timed)
    FROM dashboard_hourtotal
    GROUP BY 1, 2, 3, 4, 5"""
TRIPLES = """
    INSERT INTO dashboard_videotriple (user_id, day, middle_day, first_day, video_id, product, of_product, of_all)
    WITH plays AS (
        SELECT user_id, video_id, watched_on AS day, product,
            lag(watched_on) OVER of_product AS middle_of_product, lag(watched_on, 2) OVER of_product AS first_of_product,
            lag(watched_on) OVER of_all AS middle_of_all, lag(watched_on, 2) OVER of_all AS first_of_all
        FROM ingest_watchrecord
        WHERE NOT is_ad AND watched_on IS NOT NULL AND video_id IS NOT NULL
        WINDOW of_product AS (PARTITION BY user_id, video_id, product ORDER BY watched_on),
            of_all AS (PARTITION BY user_id, video_id ORDER BY watched_on, product {code_points})
    ), triples AS (
        SELECT user_id, day, middle_of_product AS middle_day, first_of_product AS first_day, video_id, product,
            1 AS of_product, 0 AS of_all
        FROM plays
        UNION ALL
        SELECT user_id, day, middle_of_all, first_of_all, video_id, product, 0, 1 FROM plays
    )
    SELECT user_id, day, middle_day, first_day, video_id, product, sum(of_product), sum(of_all)
    FROM triples
    WHERE first_day IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6"""
REWATCHED = """
    UPDATE dashboard_historytotal SET rewatched = counted.videos
    FROM (SELECT user_id, count(*) AS videos FROM dashboard_videototal WHERE plays > 1 GROUP BY user_id) AS counted
    WHERE dashboard_historytotal.user_id = counted.user_id"""


def fill(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    schema_editor.execute(HOURS.format(year=YEAR[vendor]), params=None)
    code_points = 'COLLATE "C"' if vendor == "postgresql" else ""
    schema_editor.execute(TRIPLES.format(code_points=code_points), params=None)
    schema_editor.execute(REWATCHED, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0007_channel_spans_and_replays'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HourYearTwin',
            fields=[
                ('plays', models.BigIntegerField(default=0)),
                ('seconds', models.BigIntegerField(default=0)),
                ('timed', models.BigIntegerField(default=0)),
                ('year', models.DateField(help_text='Its first day.', primary_key=True, serialize=False)),
                ('weekday', models.PositiveSmallIntegerField()),
                ('hour', models.PositiveSmallIntegerField()),
                ('product', models.CharField(max_length=32)),
            ],
            options={
                'verbose_name': 'hour year',
                'verbose_name_plural': 'hour years',
                'db_table': 'dashboard_houryear',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='VideoTripleTwin',
            fields=[
                ('product', models.CharField(max_length=32)),
                ('of_product', models.BigIntegerField(default=0)),
                ('of_all', models.BigIntegerField(default=0)),
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('first_day', models.DateField()),
                ('middle_day', models.DateField()),
                ('video_id', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'video triple',
                'verbose_name_plural': 'video triples',
                'db_table': 'dashboard_videotriple',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.AddField(
            model_name='historytotal',
            name='rewatched',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Those of the videos that were played more than once.'),
        ),
        migrations.CreateModel(
            name='HourYear',
            fields=[
                ('plays', models.BigIntegerField(default=0)),
                ('seconds', models.BigIntegerField(default=0)),
                ('timed', models.BigIntegerField(default=0)),
                ('pk', models.CompositePrimaryKey('user', 'year', 'weekday', 'hour', 'product', blank=True, editable=False, primary_key=True, serialize=False)),
                ('year', models.DateField(help_text='Its first day.')),
                ('weekday', models.PositiveSmallIntegerField()),
                ('hour', models.PositiveSmallIntegerField()),
                ('product', models.CharField(max_length=32)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='VideoTriple',
            fields=[
                ('product', models.CharField(max_length=32)),
                ('of_product', models.BigIntegerField(default=0)),
                ('of_all', models.BigIntegerField(default=0)),
                ('pk', models.CompositePrimaryKey('user', 'day', 'first_day', 'middle_day', 'video_id', 'product', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('first_day', models.DateField()),
                ('middle_day', models.DateField()),
                ('video_id', models.BigIntegerField()),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', 'video_id', 'day', 'middle_day', 'first_day', 'product', 'of_all', 'of_product'], name='videotriple_by_video')],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
