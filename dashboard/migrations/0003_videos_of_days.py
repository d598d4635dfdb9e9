"""What the number of different videos of any period follows from; 0004 fills it."""

from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('dashboard', '0002_twins'),
    ]

    operations = [
        migrations.AddField(
            model_name='daytotal',
            name='videos',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Different videos of this day and product.'),
        ),
        migrations.AddField(
            model_name='daytotal',
            name='new_videos',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Those of them that were never before watched in this product.'),
        ),
        migrations.AddField(
            model_name='channeltotal',
            name='last_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='videototal',
            name='last_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='videototal',
            name='product',
            field=models.CharField(help_text='Empty if it was watched in several.', max_length=32, null=True),
        ),
        migrations.CreateModel(
            name='VideoReturn',
            fields=[
                ('pk', models.CompositePrimaryKey('user', 'day', 'previous_day', 'product', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('previous_day', models.DateField()),
                ('product', models.CharField(max_length=32)),
                ('of_product', models.BigIntegerField(default=0)),
                ('of_all', models.BigIntegerField(default=0)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', 'previous_day', 'day'], name='videoreturn_by_previous_day')],
            },
        ),
        migrations.CreateModel(
            name='VideoReturnOfMonths',
            fields=[
                ('product', models.CharField(max_length=32)),
                ('of_product', models.BigIntegerField(default=0)),
                ('of_all', models.BigIntegerField(default=0)),
                ('pk', models.CompositePrimaryKey('user', 'month', 'previous_month', 'product', blank=True, editable=False, primary_key=True, serialize=False)),
                ('month', models.DateField(help_text='Its first day.')),
                ('previous_month', models.DateField(help_text='Its first day.')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
            },
        ),
    ]
