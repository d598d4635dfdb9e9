"""Django's admin with our site in it. Apart from apps.py, where Django would not know which of two apps is meant."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    default_site = "watchtracker.admin.Site"
