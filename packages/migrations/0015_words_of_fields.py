"""Fields are called in words that say what they mean; no column changes."""

import packages.models.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages', '0014_rows_from_before'),
    ]

    operations = [
        migrations.AlterField(
            model_name='channel',
            name='is_enabled',
            field=models.BooleanField(default=True, verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='channel',
            name='is_snapshot',
            field=models.BooleanField(default=False, help_text='The development branch: rebuilt under one version.', verbose_name='development branch'),
        ),
        migrations.AlterField(
            model_name='distribution',
            name='is_enabled',
            field=models.BooleanField(default=True, help_text='Disabled: invisible, nothing is built.', verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='distribution',
            name='is_hosted',
            field=models.BooleanField(default=False, help_text="Its documents are served below the distribution's name. Needs a file:// address.", verbose_name='we are the mirror'),
        ),
        migrations.AlterField(
            model_name='distribution',
            name='stale_since',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='mirror fails since'),
        ),
        migrations.AlterField(
            model_name='distribution',
            name='sync_error',
            field=models.TextField(blank=True, editable=False, verbose_name='what failed'),
        ),
        migrations.AlterField(
            model_name='distribution',
            name='synced_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last good look'),
        ),
        migrations.AlterField(
            model_name='distribution',
            name='url',
            field=models.CharField(blank=True, help_text="Root of the mirror: the folder that holds 'releases/'. http, https, or a file:// folder. Of a flavour: the folder that its feeds are below.", max_length=500, validators=[packages.models.validators.validate_mirror_url], verbose_name='address of the mirror'),
        ),
        migrations.AlterField(
            model_name='distributionkey',
            name='is_enabled',
            field=models.BooleanField(default=True, verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='feed',
            name='stale_since',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='mirror fails since'),
        ),
        migrations.AlterField(
            model_name='feed',
            name='sync_error',
            field=models.TextField(blank=True, editable=False, verbose_name='what failed'),
        ),
        migrations.AlterField(
            model_name='feed',
            name='synced_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last good look'),
        ),
        migrations.AlterField(
            model_name='networkprofile',
            name='is_enabled',
            field=models.BooleanField(default=True, help_text='Disabled: not listed, and requests for it are refused.', verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='packagechange',
            name='is_mandatory',
            field=models.BooleanField(default=False, help_text='Without it the new release does not work: clients do not ask.', verbose_name='mandatory'),
        ),
        migrations.AlterField(
            model_name='release',
            name='is_enabled',
            field=models.BooleanField(default=True, help_text='Disabled: not offered, and requests for it are refused.', verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='release',
            name='is_manual',
            field=models.BooleanField(default=False, help_text='Typed in: a sync never removes it.', verbose_name='typed in by hand'),
        ),
        migrations.AlterField(
            model_name='release',
            name='stale_since',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='mirror fails since'),
        ),
        migrations.AlterField(
            model_name='release',
            name='sync_error',
            field=models.TextField(blank=True, editable=False, verbose_name='what failed'),
        ),
        migrations.AlterField(
            model_name='release',
            name='synced_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last good look'),
        ),
        migrations.AlterField(
            model_name='series',
            name='is_enabled',
            field=models.BooleanField(default=True, help_text='Disabled: its releases are not offered.', verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='seriesfeed',
            name='is_optional',
            field=models.BooleanField(default=False, help_text='It does not exist for all architectures: where it is missing it is left out.', verbose_name='optional'),
        ),
        migrations.AlterField(
            model_name='target',
            name='is_enabled',
            field=models.BooleanField(default=True, verbose_name='enabled'),
        ),
        migrations.AlterField(
            model_name='target',
            name='is_manual',
            field=models.BooleanField(default=False, help_text='Typed in: a sync never removes it.', verbose_name='typed in by hand'),
        ),
        migrations.AlterField(
            model_name='target',
            name='stale_since',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='mirror fails since'),
        ),
        migrations.AlterField(
            model_name='target',
            name='sync_error',
            field=models.TextField(blank=True, editable=False, verbose_name='what failed'),
        ),
        migrations.AlterField(
            model_name='target',
            name='synced_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last good look'),
        ),
    ]
