# SPDX-License-Identifier: MIT
"""Django with its admin pages, their static files and a session, all of it in this file and one database."""
import os

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="known to everybody",
    ROOT_URLCONF=__name__,
    STATIC_URL="static/",
    USE_X_FORWARDED_HOST=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.messages", "django.contrib.staticfiles"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request",
                                                   "django.contrib.auth.context_processors.auth",
                                                   "django.contrib.messages.context_processors.messages"]}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DJANGO_DATABASE", ":memory:")}},
)
django.setup()

from django.contrib import admin  # noqa: E402  (it needs the settings)
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


def hello(request, name):
    return JsonResponse({"hello": name, "path": request.path, "url": request.build_absolute_uri(), "secure": request.is_secure(),
                         "query": request.GET.dict(), "length": len(request.body)})


def busy(request):
    return HttpResponse("no", status=503, headers={"Retry-After": "7"})


urlpatterns = [path("hello/<str:name>", hello), path("busy", busy), path("admin/", admin.site.urls)]
application = get_wsgi_application()


def prepare():
    """Makes the database, in which `admin` has the password `secret`."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    call_command("migrate", verbosity=0)
    User.objects.create_superuser("admin", "admin@example.org", "secret")


if __name__ == "__main__":
    prepare()
