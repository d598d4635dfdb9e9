"""Titles as searches read them: made room for, and filled from the titles of everybody, as they were written that day."""

import struct

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.expressions import RawSQL

MOST = 4_096
LARGEST = 500_000

# Where the rows lie: about as an import wrote them, and as it would have filled the blocks. By their ids, what goes
# together would be in all of them.
PLACE = {"sqlite": "ingest_video.rowid", "postgresql": "ingest_video.ctid"}


def keep_uncompressed(apps, schema_editor):
    """PostgreSQL would take longer to unpack the blocks than to look through them."""
    if schema_editor.connection.vendor == "postgresql":
        for column in ("videos", "titles"):
            schema_editor.execute(f"ALTER TABLE ingest_titleblock ALTER COLUMN {column} SET STORAGE EXTERNAL")


def fill(apps, schema_editor):
    block = apps.get_model("ingest", "TitleBlock")
    for name in ("Channel", "Video"):
        model = apps.get_model("ingest", name)
        # Each in pages of its own key: what is changed meanwhile is not what is read.
        after = (0, -1)
        while page := _page(model, after):
            after = page[-1][:2]
            schema_editor.connection.cursor().executemany(
                f"UPDATE {model._meta.db_table} SET folded = %s WHERE user_id = %s AND id = %s",  # noqa: S608
                [(title.casefold(), user, id) for user, id, title in page if not title.isascii()],
            )
    video = apps.get_model("ingest", "Video")
    for user in list(video.objects.order_by().values_list("user_id", flat=True).distinct()):
        in_order = RawSQL(PLACE[schema_editor.connection.vendor], [])  # noqa: S611 - no text of anybody's
        rows = video.objects.filter(user_id=user).exclude(title="").order_by(in_order).values_list("id", "title")
        for number, some in enumerate(_in_blocks(rows.iterator(chunk_size=MOST))):
            block.objects.bulk_create([_block(block, user, number, some)])


def _in_blocks(titles):
    some, size = [], 0
    for id, title in titles:
        line = title.casefold().replace("\n", " ").encode()
        if some and (len(some) == MOST or size + len(line) > LARGEST):
            yield some
            some, size = [], 0
        some.append((id, line))
        size += len(line)
    if some:
        yield some


def _page(model, after):
    user, id = after
    later = models.Q(user_id__gt=user) | models.Q(user_id=user, id__gt=id)
    return list(model.objects.filter(later).order_by("user_id", "id").values_list("user_id", "id", "title")[:10_000])


def _block(block, user, number, lines):
    return block(
        user_id=user,
        number=number,
        entries=len(lines),
        videos=struct.pack(f"<{len(lines)}q", *[id for id, _ in lines]),
        titles=b"\n".join([line for _, line in lines]),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0004_lists_in_order'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TitleBlockTwin',
            fields=[
                ('number', models.BigIntegerField(primary_key=True, serialize=False)),
                ('entries', models.PositiveIntegerField(help_text='How many titles.')),
                ('videos', models.BinaryField(help_text='Their ids, of eight bytes each.')),
                ('titles', models.BinaryField(help_text='Their titles, case-folded, in UTF-8, each in a line.')),
            ],
            options={
                'verbose_name': 'title block',
                'verbose_name_plural': 'title blocks',
                'db_table': 'ingest_titleblock',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.AddField(
            model_name='channel',
            name='folded',
            field=models.TextField(db_default='', default='', help_text='The title case-folded, where that is more than ASCII in lower case.'),
        ),
        migrations.AddField(
            model_name='video',
            name='folded',
            field=models.TextField(db_default='', default='', help_text='The title case-folded, where that is more than ASCII in lower case.'),
        ),
        migrations.CreateModel(
            name='TitleBlock',
            fields=[
                ('pk', models.CompositePrimaryKey('user', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('number', models.BigIntegerField()),
                ('entries', models.PositiveIntegerField(help_text='How many titles.')),
                ('videos', models.BinaryField(help_text='Their ids, of eight bytes each.')),
                ('titles', models.BinaryField(help_text='Their titles, case-folded, in UTF-8, each in a line.')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.RunPython(keep_uncompressed, migrations.RunPython.noop),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
