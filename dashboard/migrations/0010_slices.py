# ruff: noqa: S608 - its SQL is made of the words in this file
"""Totals are kept of slices of a history: of everything but the ads, which are those there were; of the ads; and of each
source, where there are several. Sessions are kept of each product besides. The statements are those of that day.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dashboard.clustered import CLUSTERED, cluster, definition

# The keys of all tables behind the user's, and the indexes that begin with it.
KEYS = {
    "ChannelMonth": ("month", "channel_id", "product"),
    "ChannelSpan": ("months", "start", "channel_id", "product"),
    "ChannelTotal": ("channel_id",),
    "DayTotal": ("day", "product"),
    "HistoryTotal": (),
    "HourTotal": ("month", "weekday", "hour", "product"),
    "HourYear": ("year", "weekday", "hour", "product"),
    "SessionTotal": ("start",),
    "VideoReplay": ("day", "previous_day", "video_id", "product"),
    "VideoReturn": ("day", "previous_day", "product"),
    "VideoReturnOfMonths": ("month", "previous_month", "product"),
    "VideoTotal": ("video_id",),
    "VideoTriple": ("day", "first_day", "middle_day", "video_id", "product"),
}
INDEXES = {
    "channelmonth_by_channel": ("ChannelMonth", ("channel_id", "slice", "month")),
    "channeltotal_by_plays": ("ChannelTotal", ("slice", "-plays", "-last_watched", "channel_id")),
    "channeltotal_by_first_on": ("ChannelTotal", ("slice", "-first_on", "-first_watched", "channel_id")),
    "sessiontotal_by_day": ("SessionTotal", ("slice", "day", "length", "plays")),
    "videoreturn_by_previous_day": ("VideoReturn", ("previous_day", "slice", "day")),
    "videoreturn_within_a_day": ("VideoReturn", ("slice", "day", "previous_day")),
    "videototal_by_plays": ("VideoTotal", ("slice", "-plays", "-last_watched", "video_id")),
    "videotriple_by_video": (
        "VideoTriple",
        ("video_id", "slice", "day", "middle_day", "first_day", "product", "of_all", "of_product"),
    ),
}
PARTIAL = {
    "videoreturn_within_a_day": models.Q(day=models.F("previous_day")),
    "videototal_by_plays": models.Q(plays__gt=1),
}

# What is counted anew, once for each slice that it is part of. Ads are left out of the slices of sources, and counted.
SLICED = """
    CREATE TEMPORARY TABLE sliced AS
    WITH several AS (
        SELECT user_id FROM ingest_watchrecord GROUP BY user_id HAVING min(source) <> max(source)
    ), ours AS (
        SELECT user_id, '/ads' AS slice, 0 AS left_out, {columns} FROM ingest_watchrecord WHERE is_ad
        UNION ALL
        SELECT user_id, source || CASE WHEN is_ad THEN '/ads' ELSE '' END, 0, {columns}
        FROM ingest_watchrecord JOIN several USING (user_id)
        UNION ALL
        SELECT user_id, source, 1, {columns} FROM ingest_watchrecord JOIN several USING (user_id) WHERE is_ad
    )
    SELECT * FROM ours"""
COLUMNS = "id, video_id, channel_id, watched_at, watched_on, hour, seconds, product"
PLAYS = "left_out = 0 AND watched_on IS NOT NULL"
SUMS = "count(*), coalesce(sum(seconds), 0), count(seconds)"

HISTORY = """
    INSERT INTO dashboard_historytotal (user_id, slice, plays, seconds, timed, videos, rewatched, channels)
    SELECT user_id, slice, count(*) FILTER (WHERE {plays}), coalesce(sum(seconds) FILTER (WHERE {plays}), 0),
        count(seconds) FILTER (WHERE {plays}), count(DISTINCT video_id) FILTER (WHERE {plays}), 0,
        count(DISTINCT channel_id) FILTER (WHERE {plays})
    FROM sliced
    GROUP BY user_id, slice
    HAVING slice NOT LIKE '%/ads' OR count(watched_on) > 0"""
REWATCHED = """
    UPDATE dashboard_historytotal SET rewatched = counted.videos
    FROM (
        SELECT user_id, slice, count(*) AS videos
        FROM dashboard_videototal
        WHERE plays > 1 AND slice <> ''
        GROUP BY user_id, slice
    ) AS counted
    WHERE dashboard_historytotal.user_id = counted.user_id AND dashboard_historytotal.slice = counted.slice"""
SEEN = """
    INSERT INTO {table} (
        user_id, slice, {subject}, plays, seconds, timed, first_on, first_watched, last_on, last_watched {fact}
    )
    SELECT user_id, slice, coalesce({subject}, 0), {sums},
        min(watched_on), min(watched_at), max(watched_on), max(watched_at) {value}
    FROM sliced WHERE {plays} {known}
    GROUP BY 1, 2, 3"""
ONE_PRODUCT = ", CASE WHEN min(product) = max(product) THEN min(product) END"
DAYS = """
    INSERT INTO dashboard_daytotal (
        user_id, slice, day, product, plays, seconds, timed, ads,
        stated_plays, stated_seconds, nameless_plays, nameless_seconds
    )
    SELECT user_id, slice, watched_on, product,
        count(*) FILTER (WHERE {plays}), coalesce(sum(seconds) FILTER (WHERE {plays}), 0),
        count(seconds) FILTER (WHERE {plays}), count(*) FILTER (WHERE left_out = 1),
        count(*) FILTER (WHERE {plays} AND hour IS NULL),
        coalesce(sum(seconds) FILTER (WHERE {plays} AND hour IS NULL), 0),
        count(*) FILTER (WHERE {plays} AND video_id IS NULL),
        coalesce(sum(seconds) FILTER (WHERE {plays} AND video_id IS NULL), 0)
    FROM sliced WHERE watched_on IS NOT NULL
    GROUP BY 1, 2, 3, 4"""
STEPS = """
    CREATE TEMPORARY TABLE steps AS
    WITH cells AS (
        SELECT user_id, slice, video_id, watched_on AS day, product, count(*) AS plays
        FROM sliced WHERE {plays} AND video_id IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT user_id, slice, video_id, day, product, plays,
        lag(day) OVER (PARTITION BY user_id, slice, video_id, product ORDER BY day) AS previous_of_product,
        lag(day) OVER (
            PARTITION BY user_id, slice, video_id ORDER BY day, product {code_points}
        ) AS previous_of_all
    FROM cells"""
VIDEOS_OF_DAYS = """
    UPDATE dashboard_daytotal SET
        videos = counted.videos, new_videos = counted.new_videos, first_seen_videos = counted.first_seen_videos
    FROM (
        SELECT user_id, slice, day, product, count(*) AS videos,
            count(*) FILTER (WHERE previous_of_product IS NULL) AS new_videos,
            count(*) FILTER (WHERE previous_of_all IS NULL) AS first_seen_videos
        FROM steps
        GROUP BY user_id, slice, day, product
    ) AS counted
    WHERE dashboard_daytotal.user_id = counted.user_id AND dashboard_daytotal.slice = counted.slice
        AND dashboard_daytotal.day = counted.day AND dashboard_daytotal.product = counted.product"""
REPLAYS = """
    INSERT INTO dashboard_videoreplay (user_id, slice, day, previous_day, video_id, product, of_product, of_all)
    SELECT user_id, slice, day, previous_day, video_id, product, sum(of_product), sum(of_all)
    FROM (
        SELECT user_id, slice, day, previous_of_product AS previous_day, video_id, product,
            1 AS of_product, 0 AS of_all
        FROM steps
        UNION ALL
        SELECT user_id, slice, day, previous_of_all, video_id, product, 0, 1 FROM steps
        UNION ALL
        SELECT user_id, slice, day, day, video_id, product, plays - 1, plays - 1 FROM steps WHERE plays > 1
    ) AS replays
    WHERE previous_day IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6"""
RETURNS = """
    INSERT INTO dashboard_videoreturn (user_id, slice, day, previous_day, product, of_product, of_all)
    SELECT user_id, slice, day, previous_day, product, sum(of_product), sum(of_all)
    FROM (
        SELECT user_id, slice, day, previous_of_product AS previous_day, product, 1 AS of_product, 0 AS of_all
        FROM steps
        UNION ALL
        SELECT user_id, slice, day, previous_of_all, product, 0, 1 FROM steps
    ) AS returns
    WHERE previous_day IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5"""
RETURNS_OF_MONTHS = """
    INSERT INTO dashboard_videoreturnofmonths (user_id, slice, month, previous_month, product, of_product, of_all)
    SELECT user_id, slice, {month_of_day}, {month_of_previous_day}, product, sum(of_product), sum(of_all)
    FROM dashboard_videoreturn WHERE slice <> ''
    GROUP BY 1, 2, 3, 4, 5"""
TRIPLES = """
    INSERT INTO dashboard_videotriple (
        user_id, slice, day, middle_day, first_day, video_id, product, of_product, of_all
    )
    WITH plays AS (
        SELECT user_id, slice, video_id, watched_on AS day, product,
            lag(watched_on) OVER of_product AS middle_of_product, lag(watched_on, 2) OVER of_product AS first_of_product,
            lag(watched_on) OVER of_all AS middle_of_all, lag(watched_on, 2) OVER of_all AS first_of_all
        FROM sliced WHERE {plays} AND video_id IS NOT NULL
        WINDOW of_product AS (PARTITION BY user_id, slice, video_id, product ORDER BY watched_on),
            of_all AS (PARTITION BY user_id, slice, video_id ORDER BY watched_on, product {code_points})
    ), triples AS (
        SELECT user_id, slice, day, middle_of_product AS middle_day, first_of_product AS first_day, video_id, product,
            1 AS of_product, 0 AS of_all
        FROM plays
        UNION ALL
        SELECT user_id, slice, day, middle_of_all, first_of_all, video_id, product, 0, 1 FROM plays
    )
    SELECT user_id, slice, day, middle_day, first_day, video_id, product, sum(of_product), sum(of_all)
    FROM triples
    WHERE first_day IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6, 7"""
HOURS = """
    INSERT INTO {table} (user_id, slice, {span}, weekday, hour, product, plays, seconds, timed)
    SELECT user_id, slice, {start}, {weekday}, hour, product, {sums}
    FROM sliced WHERE {plays} AND hour IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6"""
CHANNEL_MONTHS = """
    INSERT INTO dashboard_channelmonth (user_id, slice, month, channel_id, product, plays, seconds, timed)
    SELECT user_id, slice, {start}, coalesce(channel_id, 0), product, {sums}
    FROM sliced WHERE {plays}
    GROUP BY 1, 2, 3, 4, 5"""
CHANNEL_SPANS = """
    INSERT INTO dashboard_channelspan (user_id, slice, months, start, channel_id, product, plays, seconds, timed)
    SELECT user_id, slice, {months}, {start}, coalesce(channel_id, 0), product, {sums}
    FROM sliced WHERE {plays}
    GROUP BY 1, 2, 3, 4, 5, 6"""
# The slices of everybody's products, too.
SESSIONS = """
    INSERT INTO dashboard_sessiontotal (user_id, slice, start, id, day, last_start, length, plays, seconds)
    WITH known AS (
        SELECT user_id, slice, id, watched_at, watched_on, hour, seconds, product FROM sliced WHERE left_out = 0
    ), sitting AS (
        SELECT user_id, slice, id, watched_at, watched_on, hour, seconds FROM known
        UNION ALL
        SELECT user_id, slice || ':' || product, id, watched_at, watched_on, hour, seconds FROM known
        UNION ALL
        SELECT user_id, ':' || product, id, watched_at, watched_on, hour, seconds
        FROM ingest_watchrecord WHERE NOT is_ad
    ), plays AS (
        SELECT user_id, slice, id, watched_at, watched_on, coalesce(seconds, 0) AS seconds, {instant} AS at
        FROM sitting
        WHERE hour IS NOT NULL
    ), placed AS (
        SELECT plays.*, max(at + seconds) OVER (
            PARTITION BY user_id, slice ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended
        FROM plays
    ), numbered AS (
        SELECT placed.*, sum(CASE WHEN at - ended <= 1800 THEN 0 ELSE 1 END) OVER (
            PARTITION BY user_id, slice ORDER BY at, id ROWS UNBOUNDED PRECEDING
        ) AS number
        FROM placed
    )
    SELECT user_id, slice, min(watched_at), min(CASE WHEN at - ended <= 1800 THEN NULL ELSE id END),
        min(CASE WHEN at - ended <= 1800 THEN NULL ELSE watched_on END), max(watched_at),
        max(at + seconds) - min(at), count(*), sum(seconds)
    FROM numbered
    GROUP BY user_id, slice, number"""

WORDS = {
    "sqlite": {
        "code_points": "",
        "instant": "CAST(strftime('%s', watched_at) AS INTEGER)",
        "weekday": "(CAST(strftime('%w', watched_on) AS INTEGER) + 6) % 7",
        "month": "date({}, 'start of month')",
        "quarter": "date({0}, 'start of month', '-' || ((CAST(strftime('%m', {0}) AS INTEGER) - 1) % 3) || ' months')",
        "year": "date({}, 'start of year')",
    },
    "postgresql": {
        "code_points": 'COLLATE "C"',
        "instant": "extract(epoch FROM watched_at)::bigint",
        "weekday": "extract(isodow FROM watched_on)::smallint - 1",
        "month": "date_trunc('month', {})::date",
        "quarter": "date_trunc('quarter', {})::date",
        "year": "date_trunc('year', {})::date",
    },
}


def fill(apps, schema_editor):
    words = WORDS[schema_editor.connection.vendor] | {"plays": PLAYS, "sums": SUMS, "columns": COLUMNS}
    month, quarter, year = (words[span].format("watched_on") for span in ("month", "quarter", "year"))
    videos = {"subject": "video_id", "fact": ", product", "value": ONE_PRODUCT, "known": "AND video_id IS NOT NULL"}
    channels = {"subject": "channel_id", "fact": "", "value": "", "known": ""}
    for statement in (
        SLICED.format(**words),
        HISTORY.format(**words),
        SEEN.format(table="dashboard_videototal", **videos, **words),
        SEEN.format(table="dashboard_channeltotal", **channels, **words),
        REWATCHED,
        DAYS.format(**words),
        STEPS.format(**words),
        VIDEOS_OF_DAYS,
        REPLAYS,
        RETURNS,
        RETURNS_OF_MONTHS.format(
            month_of_day=words["month"].format("day"), month_of_previous_day=words["month"].format("previous_day")
        ),
        TRIPLES.format(**words),
        HOURS.format(table="dashboard_hourtotal", span="month", start=month, **words),
        HOURS.format(table="dashboard_houryear", span="year", start=year, **words),
        CHANNEL_MONTHS.format(start=month, **words),
        CHANNEL_SPANS.format(months=3, start=quarter, **words),
        CHANNEL_SPANS.format(months=12, start=year, **words),
        SESSIONS.format(**words),
        "DROP TABLE sliced",
        "DROP TABLE steps",
    ):
        schema_editor.execute(statement, params=None)


def keep_everything_alone(apps, schema_editor):
    for name in KEYS:
        apps.get_model("dashboard", name).objects.exclude(slice="").delete()


def add_slice(apps, schema_editor):
    """Its collation has PostgreSQL compare bytes; any other one takes much longer in every index."""
    _rekey(apps, schema_editor, "ADD COLUMN slice varchar(70) COLLATE \"C\" NOT NULL DEFAULT ''")


def remove_slice(apps, schema_editor):
    """With the column go the key and the indexes that it is in."""
    _rekey(apps, schema_editor, "DROP COLUMN slice")


def _rekey(apps, schema_editor, change):
    """Have the tables be what the models say now. Django does not change keys of several columns."""
    for name in KEYS:
        model = apps.get_model("dashboard", name)
        if schema_editor.connection.vendor == "sqlite":
            _make_anew(schema_editor, model)
        else:
            _alter(schema_editor, model, change)


def _alter(schema_editor, model, change):
    table = model._meta.db_table
    key = ", ".join(field.column for field in model._meta.pk_fields)
    for index in model._meta.indexes:
        schema_editor.execute(f"DROP INDEX IF EXISTS {index.name}", params=None)
    schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey", params=None)
    schema_editor.execute(f"ALTER TABLE {table} {change}", params=None)
    schema_editor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})", params=None)
    for index in model._meta.indexes:
        schema_editor.add_index(model, index)


def _make_anew(schema_editor, model):
    table = model._meta.db_table
    is_clustered = definition(schema_editor.connection, table).endswith(CLUSTERED)
    columns = ", ".join(field.column for field in model._meta.local_concrete_fields if field.column != "slice")
    schema_editor.execute(f"ALTER TABLE {table} RENAME TO old__{table}", params=None)
    sql, parameters = schema_editor.table_sql(model)
    schema_editor.execute(sql, parameters or None)
    if is_clustered:
        cluster(schema_editor, table)
    schema_editor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM old__{table}", params=None)
    schema_editor.execute(f"DROP TABLE old__{table}", params=None)
    for index in model._meta.indexes:
        schema_editor.add_index(model, index)


def _key(columns):
    return models.CompositePrimaryKey("user", "slice", *columns, blank=True, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0009_clustered'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoryTotalTwin',
            fields=[
                ('slice', models.CharField(db_default='', default='', help_text='Empty for everything but the ads.', max_length=70, primary_key=True, serialize=False)),
                ('plays', models.BigIntegerField(default=0)),
                ('seconds', models.BigIntegerField(default=0)),
                ('timed', models.BigIntegerField(default=0)),
                ('videos', models.BigIntegerField(default=0)),
                ('rewatched', models.BigIntegerField(db_default=0, default=0, help_text='Those of the videos that were played more than once.')),
                ('channels', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'history total',
                'verbose_name_plural': 'history totals',
                'db_table': 'dashboard_historytotal',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.RunPython(migrations.RunPython.noop, remove_slice),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(migrations.RemoveIndex(model, name) for name, (model, _) in INDEXES.items()),
                *(
                    migrations.AddField(
                        model,
                        'slice',
                        models.CharField(db_default='', default='', help_text='Empty for everything but the ads.', max_length=70),
                    )
                    for model in KEYS
                ),
                migrations.AlterField(
                    'HistoryTotal',
                    'user',
                    models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                *(
                    (migrations.AlterField if columns else migrations.AddField)(model, 'pk', _key(columns))
                    for model, columns in KEYS.items()
                ),
                *(
                    migrations.AddIndex(
                        model, models.Index(fields=['user', *columns], name=name, condition=PARTIAL.get(name))
                    )
                    for name, (model, columns) in INDEXES.items()
                ),
            ],
        ),
        migrations.RunPython(add_slice, migrations.RunPython.noop),
        migrations.RunPython(fill, keep_everything_alone),
    ]
