"""One page with the version."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path


def index(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"django {settings.VERSION}\n", content_type="text/plain")


urlpatterns = [path("", index)]
