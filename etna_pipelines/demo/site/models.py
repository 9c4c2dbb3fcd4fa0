"""What real sites have besides Wagtail: pages, a form, people, enquiries, an audit trail and tokens.

Between them they hold every kind of column a rule has to cope with: StreamField and jsonb, arrays, bytea, inet, uuid,
a generated column, a composite unique, free text and dates outside every calendar.
"""

# Django reads plain lists from its classes, and comes without types.
# ruff: noqa: RUF012
# mypy: disable-error-code="misc"

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Concat
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, InlinePanel
from wagtail.blocks import CharBlock, EmailBlock, RichTextBlock, StructBlock, TextBlock
from wagtail.contrib.forms.models import AbstractEmailForm, AbstractFormField
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page
from wagtail.search import index


class QuoteBlock(StructBlock):
    quote = TextBlock()
    person = CharBlock(required=False)
    email = EmailBlock(required=False)


BODY_BLOCKS = [("heading", CharBlock()), ("paragraph", RichTextBlock()), ("quote", QuoteBlock())]


class HomePage(Page):
    introduction = RichTextField(blank=True)

    content_panels = [*Page.content_panels, FieldPanel("introduction")]


class SectionPage(Page):
    summary = models.TextField(blank=True)

    content_panels = [*Page.content_panels, FieldPanel("summary")]


class ArticlePage(Page):
    author_name = models.CharField(max_length=120, blank=True)
    author_email = models.EmailField(blank=True)
    dated = models.DateField(null=True, blank=True, help_text="When what it tells happened")
    body = StreamField(BODY_BLOCKS, blank=True)

    search_fields = [*Page.search_fields, index.SearchField("author_name"), index.SearchField("body")]
    content_panels = [
        *Page.content_panels,
        FieldPanel("author_name"),
        FieldPanel("author_email"),
        FieldPanel("dated"),
        FieldPanel("body"),
    ]


class FormField(AbstractFormField):
    page = ParentalKey("FormPage", on_delete=models.CASCADE, related_name="form_fields")


class FormPage(AbstractEmailForm):
    introduction = RichTextField(blank=True)
    thanks = RichTextField(blank=True)

    content_panels = [
        *AbstractEmailForm.content_panels,
        FieldPanel("introduction"),
        InlinePanel("form_fields"),
        FieldPanel("thanks"),
    ]


class Contributor(models.Model):
    """A person who writes or answers: not always a user of the site."""

    user = models.OneToOneField("auth.User", null=True, blank=True, on_delete=models.SET_NULL)
    office = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    full_name = models.GeneratedField(
        expression=Concat("first_name", models.Value(" "), "last_name"),
        output_field=models.CharField(max_length=161),
        db_persist=True,
    )
    email = models.EmailField(unique=True)
    phone = models.CharField(max_length=30, null=True)
    national_insurance = models.CharField(max_length=13, blank=True)
    born = models.DateField(null=True)
    avatar = models.BinaryField(null=True)
    aliases = ArrayField(models.CharField(max_length=120), default=list)
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "number"], name="journal_contributor_office_number")]


class Enquiry(models.Model):
    """A letter from the public, as free as letters are."""

    reference = models.UUIDField(default=uuid.uuid4, unique=True)
    received = models.DateTimeField()
    name = models.CharField(max_length=160, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=30, blank=True)
    address = models.TextField(blank=True)
    postcode = models.CharField(max_length=10, blank=True)
    message = models.TextField()
    sender_ip = models.GenericIPAddressField(null=True)
    answered_by = models.ForeignKey("auth.User", null=True, on_delete=models.SET_NULL)


class AuditEntry(models.Model):
    """Who changed what: names stay here after their accounts are gone."""

    at = models.DateTimeField()
    actor_name = models.CharField(max_length=160)
    actor_email = models.CharField(max_length=254, blank=True)
    ip = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=40)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["at"])]


class ServiceToken(models.Model):
    """A key that another system calls the site with."""

    name = models.CharField(max_length=80)
    token = models.CharField(max_length=64, unique=True)
    owner = models.ForeignKey("auth.User", on_delete=models.CASCADE)
    created = models.DateTimeField()
