"""`prepare`: migrate an empty database and print, as JSON, how Wagtail itself serialises a page of each kind."""

# mypy: disable-error-code="misc"

import gc
import json
from typing import Any, ClassVar

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder
from wagtail.models import Comment, CommentReply, Page

from etna_pipelines.demo.site.models import ArticlePage, FormField, FormPage, HomePage, SectionPage


class Command(BaseCommand):
    help = "Migrate, then print a serialised page of each kind, with a comment and a reply."
    requires_system_checks: ClassVar[list[str]] = []

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        gc.disable()  # a third of the time goes into looking for cycles among thousands of model classes
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        pages = {page._meta.model_name: page for page in (HomePage(), SectionPage(), ArticlePage(), FormPage())}
        for page in pages.values():
            _comment(page)
        pages["formpage"].form_fields.add(FormField())
        self.stdout.write(
            json.dumps({name: page.serializable_data() for name, page in pages.items()}, cls=DjangoJSONEncoder)
        )


def _comment(page: Page) -> None:
    comment = Comment(user_id=1)
    comment.replies.add(CommentReply(user_id=1))
    page.wagtail_admin_comments.add(comment)
