import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages', '0007_aliases'),
    ]

    operations = [
        migrations.AddField(
            model_name='distribution',
            name='network_profile',
            field=models.ForeignKey(blank=True, help_text='Of a flavour: the network profile whose files and packages go into each of its images.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='flavours', to='packages.networkprofile'),
        ),
    ]
