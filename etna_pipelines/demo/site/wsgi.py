"""What a web server loads: `etna_pipelines.demo.site.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etna_pipelines.demo.site.settings")
application = get_wsgi_application()
