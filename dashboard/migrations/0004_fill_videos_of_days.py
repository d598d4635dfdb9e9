# ruff: noqa: S608 - its SQL is made of the words in this file
"""Counts what 0003 made room for, from the records of everybody. The statements are those of that day."""

from django.db import migrations, models

PLAYS = "NOT is_ad AND watched_on IS NOT NULL"
STEPS = f"""
    WITH cells AS (
        SELECT DISTINCT user_id, video_id, watched_on AS day, product
        FROM ingest_watchrecord
        WHERE {PLAYS} AND video_id IS NOT NULL
    ), steps AS (
        SELECT user_id, day, product,
            lag(day) OVER (PARTITION BY user_id, video_id, product ORDER BY day) AS previous_of_product,
            lag(day) OVER (PARTITION BY user_id, video_id ORDER BY day, product {{code_points}}) AS previous_of_all
        FROM cells
    )"""
VIDEOS_OF_DAYS = f"""
    UPDATE dashboard_daytotal SET videos = counted.videos, new_videos = counted.new_videos
    FROM (
        {STEPS}
        SELECT user_id, day, product, count(*) AS videos,
            count(*) FILTER (WHERE previous_of_product IS NULL) AS new_videos
        FROM steps
        GROUP BY user_id, day, product
    ) AS counted
    WHERE dashboard_daytotal.user_id = counted.user_id
        AND dashboard_daytotal.day = counted.day AND dashboard_daytotal.product = counted.product"""
RETURNS = f"""
    INSERT INTO dashboard_videoreturn (user_id, day, previous_day, product, of_product, of_all)
    SELECT counted.* FROM (
        {STEPS}
        SELECT user_id, day, previous_day, product, sum(of_product), sum(of_all)
        FROM (
            SELECT user_id, day, previous_of_product AS previous_day, product, 1 AS of_product, 0 AS of_all FROM steps
            UNION ALL
            SELECT user_id, day, previous_of_all, product, 0, 1 FROM steps
        ) AS returns
        WHERE previous_day IS NOT NULL
        GROUP BY user_id, day, previous_day, product
    ) AS counted"""
RETURNS_OF_MONTHS = """
    INSERT INTO dashboard_videoreturnofmonths (user_id, month, previous_month, product, of_product, of_all)
    SELECT user_id, {month_of_day}, {month_of_previous_day}, product, sum(of_product), sum(of_all)
    FROM dashboard_videoreturn
    GROUP BY 1, 2, 3, 4"""
MONTHS = {
    "sqlite": ("date(day, 'start of month')", "date(previous_day, 'start of month')"),
    "postgresql": ("date_trunc('month', day)::date", "date_trunc('month', previous_day)::date"),
}
LAST_DAYS = f"""
    UPDATE {{table}} SET last_on = seen.last_on
    FROM (
        SELECT user_id, {{subject}} AS subject, max(watched_on) AS last_on
        FROM ingest_watchrecord WHERE {PLAYS}
        GROUP BY 1, 2
    ) AS seen
    WHERE {{table}}.user_id = seen.user_id AND {{table}}.{{column}} = seen.subject"""
PRODUCTS = f"""
    UPDATE dashboard_videototal SET product = seen.product
    FROM (
        SELECT user_id, video_id, min(product) AS product
        FROM ingest_watchrecord WHERE {PLAYS} AND video_id IS NOT NULL
        GROUP BY 1, 2
        HAVING min(product) = max(product)
    ) AS seen
    WHERE dashboard_videototal.user_id = seen.user_id AND dashboard_videototal.video_id = seen.video_id"""


def fill(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    code_points = 'COLLATE "C"' if vendor == "postgresql" else ""
    month_of_day, month_of_previous_day = MONTHS[vendor]
    for statement in (
        VIDEOS_OF_DAYS.format(code_points=code_points),
        RETURNS.format(code_points=code_points),
        RETURNS_OF_MONTHS.format(month_of_day=month_of_day, month_of_previous_day=month_of_previous_day),
        LAST_DAYS.format(table="dashboard_channeltotal", column="channel_id", subject="coalesce(channel_id, 0)"),
        LAST_DAYS.format(table="dashboard_videototal", column="video_id", subject="video_id"),
        PRODUCTS,
    ):
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0003_uploads_in_background'),
        ('dashboard', '0003_videos_of_days'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='channeltotal',
            name='last_on',
            field=models.DateField(),
        ),
        migrations.AlterField(
            model_name='videototal',
            name='last_on',
            field=models.DateField(),
        ),
    ]
