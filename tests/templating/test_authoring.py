"""Versions: numbered, immutable, one of them in use; translations; what differs; which condition is decided."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from mailer.models import EmailTemplate, TemplateVersion
from mailer.models.templates import TemplateVersionImmutable
from mailer.templating.authoring import Edit, Written, save_version, use_version, written_in
from mailer.templating.conditions import conditions_of, decide
from mailer.templating.differences import compare
from mailer.templating.sync import sync_folder

SAMPLE = {"name": "Ada"}
EXTENDING = '{% extends "_layout/body.html" %}{% block content %}<p>{{ name }}</p>{% endblock %}'


@pytest.fixture
def template(db: None) -> EmailTemplate:
    return EmailTemplate.objects.create(slug="news", name="News")


def save(template: EmailTemplate, html: str, use: bool = True, language: str = "") -> TemplateVersion:
    template.refresh_from_db()
    base = template.versions.order_by("-number").first()
    return save_version(template, base, Edit(Written("Hi", html), SAMPLE, language=language), None, use)


def in_use(template: EmailTemplate) -> int:
    return EmailTemplate.objects.get(pk=template.pk).version_to_send().number


def test_each_save_is_a_new_version_that_keeps_what_was_written(template: EmailTemplate):
    author = User.objects.create(username="ann")
    edit = Edit(Written("Hi", EXTENDING), SAMPLE, note="First words")
    version = save_version(template, None, edit, author, use=True)
    assert (version.number, version.note, version.author) == (1, "First words", author)
    assert written_in(version) == Written("Hi", EXTENDING)
    assert version.html.startswith("<!DOCTYPE html>")
    assert "{{ name }}" in version.text
    with pytest.raises(TemplateVersionImmutable):
        version.save()


def test_a_draft_is_not_sent_until_it_is_put_to_use(template: EmailTemplate):
    save(template, "<p>one</p>", use=False)
    assert in_use(template) == 1, "the first version is all that there is"
    draft = save(template, "<p>two</p>", use=False)
    assert in_use(template) == 1
    use_version(draft)
    assert in_use(template) == 2
    use_version(template.versions.get(number=1))
    assert in_use(template) == 1
    save(template, "<p>three</p>")
    assert in_use(template) == 3


def test_a_translation_is_for_its_language_and_its_regions(template: EmailTemplate):
    save(template, "<p>Hello</p>")
    version = save(template, "<p>Olá</p>", language="pt")
    assert version.html == "<p>Hello</p>"
    for language, html in (("pt", "Olá"), ("pt-BR", "Olá"), ("PT_br", "Olá"), ("de", "Hello"), ("", "Hello")):
        assert version.parts(language).html == f"<p>{html}</p>"
    assert save(template, "<p>Hello you</p>").parts("pt").html == "<p>Olá</p>", "the next version carries it on"


def test_files_do_not_take_the_place_of_what_was_written_in_the_admin(tmp_path: Path, template: EmailTemplate):
    folder = tmp_path / "news"
    (folder / "de").mkdir(parents=True)
    for name, text in {"subject.txt": "Hi", "body.html": "<p>{{ name }}</p>", "sample.json": '{"name": "Ada"}'}.items():
        (folder / name).write_text(text)
    for name, text in {"subject.txt": "Hallo", "body.html": "<p>Hallo {{ name }}</p>"}.items():
        (folder / "de" / name).write_text(text)
    first = sync_folder(folder)
    assert first is not None
    assert first.version.parts("de-AT").subject == "Hallo"
    assert sync_folder(folder) is None
    own = save(template, "<p>Own</p>")
    assert sync_folder(folder) is None, "files that did not change say nothing new"
    (folder / "subject.txt").write_text("Hi again")
    synced = sync_folder(folder)
    assert synced is not None
    assert not synced.is_in_use
    assert in_use(template) == own.number
    use_version(synced.version)
    (folder / "subject.txt").write_text("Hi once more")
    assert in_use(template) == synced.version.number
    again = sync_folder(folder)
    assert again is not None
    assert again.is_in_use


def test_a_comparison_shows_what_the_author_changed(template: EmailTemplate):
    older = save(template, "<p>one</p>\n<p>two</p>")
    newer = save(template, "<p>one</p>\n<p>three</p>")
    translated = save(template, "<p>eins</p>", language="de")
    [difference] = compare(older, newer)
    assert difference.title == "HTML"
    assert [(line.sign, line.text) for line in difference.lines if line.sign in "+-"] == [
        ("-", "<p>two</p>"),
        ("+", "<p>three</p>"),
    ]
    assert [each.title for each in compare(newer, translated)] == ["Subject (de)", "HTML (de)"]
    assert list(compare(older, older)) == []


def test_each_condition_can_be_decided():
    source = "{% if a %}A{% elif b %}B{% else %}C{% endif %}\n{% if a and b %}D{% endif %}"
    assert [(each.line, each.words) for each in conditions_of(source)] == [(1, "a"), (2, "a and b")]
    assert decide(source, {"a": False}).startswith("{% if 0 %}A{% elif b %}")
    assert "{% if 1 %}D" in decide(source, {"a and b": True})
    assert decide(source, {}) == source


def test_very_long_versions_are_not_compared_line_by_line():
    older, newer = (
        TemplateVersion(
            number=number,
            subject="s",
            html="\n".join(f"<p>{line % (97 + number)}</p>" for line in range(9_000)),
            text="t",
        )
        for number in (1, 2)
    )
    [difference] = compare(older, newer)
    assert [line.text for line in difference.lines] == ["More than 2,000 lines are not compared one by one."]
