"""What every shipped mail keeps to, as far as no browser is needed; `make lint-mails` and tests/e2e look at the rest."""

import re
from datetime import timedelta

import pytest
from lxml import html as lxml_html

from mailer.models.colours import NIGHT, PAPER, READABLE, contrast, in_the_dark
from mailer.templating.clients import unsupported
from mailer.templating.compose import Rendered
from mailer.templating.letter import find_preheader
from tests.mails.lint import MOST_BYTES, mails, too_long
from tests.mails.samples import NOON, SLUGS, compiled, digest_mail, item, parts_of, sample_mail

MAILS = ["digest", "announcement", "notification", "welcome", "digest of 20 items", "digest, Hebrew"]


@pytest.fixture(scope="module")
def shown() -> dict[str, Rendered]:
    return mails()


def tree(mail: Rendered):
    return lxml_html.document_fromstring(mail.html)


def words(mail: Rendered) -> str:
    return " ".join(tree(mail).find("body").text_content().split())


@pytest.mark.parametrize("name", MAILS)
def test_nothing_is_used_that_a_large_client_lacks(shown, name: str):
    assert unsupported(shown[name].html) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_the_css_is_inlined_once_a_version(slug: str):
    assert compiled(slug).inlined_late == ()
    assert unsupported(parts_of(slug).html) == []


@pytest.mark.parametrize("name", MAILS)
def test_html_is_small_and_text_is_narrow(shown, name: str):
    assert len(shown[name].html.encode()) <= MOST_BYTES
    assert too_long(shown[name].text) == []


@pytest.mark.parametrize("name", MAILS)
def test_nothing_is_loaded_but_pictures_that_can_be_seen(shown, name: str):
    mail = tree(shown[name])
    assert mail.xpath("//script | //link | //iframe | //object | //form") == []
    assert "url(" not in shown[name].html
    for image in mail.iter("img"):
        assert int(image.get("width")) >= 24
        assert image.get("alt") is not None


@pytest.mark.parametrize("name", MAILS)
def test_language_and_direction_are_said_where_clients_keep_them(shown, name: str):
    body = tree(shown[name]).find("body")
    expected = ("he", "rtl") if "Hebrew" in name else ("en", "ltr")
    for element in (body.getparent(), body.find("div"), body.find("div/table")):
        assert element.get("dir") == expected[1]
    assert body.getparent().get("lang") == body.find("div").get("lang") == expected[0]
    assert tree(shown[name]).findtext("head/title")


@pytest.mark.parametrize("name", MAILS)
def test_a_preheader_has_words_and_hides_what_follows(shown, name: str):
    hidden = tree(shown[name]).find("body/div/div")
    assert "display:none" in hidden.get("style")
    assert "mso-hide:all" in hidden.get("style")
    assert hidden.text.count("\u034f\u200c\u00a0") >= 40
    assert 30 <= len(find_preheader(shown[name])) <= 110


@pytest.mark.parametrize("name", MAILS)
def test_a_table_is_for_layout_only(shown, name: str):
    assert {table.get("role") for table in tree(shown[name]).iter("table")} == {"presentation"}


@pytest.mark.parametrize("name", [name for name in MAILS if name != "notification"])
def test_the_ending_says_why_one_gets_this_and_how_to_leave(shown, name: str):
    end = words(shown[name])[-600:]
    text = " ".join(shown[name].text.split())
    for said in (end, text):
        assert "because you are on the list" in said
        assert "You can leave at any time" in said or "leave at any time" in said
    link = tree(shown[name]).xpath("//a[text()='Unsubscribe']")[-1].get("href")
    assert link in shown[name].text


def test_a_button_is_a_cell_that_outlook_pads_and_a_link_that_others_do():
    link = tree(sample_mail("announcement")).xpath("//a[text()='See the new programme']")[0]
    cell = link.getparent()
    assert (cell.tag, cell.get("bgcolor")) == ("td", "#14566b")
    assert "mso-padding-alt:13px 28px" in cell.get("style")
    assert "padding:13px 28px" in link.get("style")


def test_text_can_be_read_by_day_and_in_the_dark():
    css = re.search(r"<style>(.*?)</style>", parts_of("digest").html, re.S)[1]
    day, dark = css.split("@media (prefers-color-scheme:dark)")
    assert f".bg{{margin:0;padding:0;background-color:{PAPER}}}" in day
    assert f".bg{{background-color:{NIGHT}!important}}" in dark
    for colour in set(re.findall(r"[{;]color:(#\w{6})", day)) - {PAPER}:
        assert contrast(colour, PAPER) >= READABLE
    for colour in set(re.findall(r"[{;]color:(#\w{6})", dark)) - {NIGHT}:
        assert contrast(colour, NIGHT) >= READABLE


def test_a_lists_accent_is_everywhere_and_lighter_in_the_dark():
    mail = digest_mail([item("One", summary="[x](https://a.example/)")], accent="#8a1c1c")
    assert "{{" not in mail.html
    assert "#14566b" not in mail.html
    assert 'style="color:#8a1c1c">x</a>' in mail.html
    assert f"color:{in_the_dark('#8a1c1c')}!important" in mail.html.replace(" ", "")


def test_a_lists_logo_stands_above_with_words_for_who_does_not_see_it():
    logo = "https://harbour.example/logo.png"
    mail = digest_mail([item("One")], logo_url=logo, logo_link="https://harbour.example/", logo_width=120)
    image = tree(mail).xpath("//img")[0]
    assert (image.get("src"), image.get("alt"), image.get("width")) == (logo, "Harbour Quarter", "120")
    assert image.getparent().get("href") == "https://harbour.example/"
    assert "https://harbour.example/" in mail.text
    assert tree(digest_mail([item("One")])).xpath("//img") == []


def test_the_subject_has_the_date_and_says_how_many_more():
    assert digest_mail([item("One"), item("Two"), item("Three")]).subject == "Mon 23 Nov: One and 2 more"


def test_items_are_grouped_and_those_beyond_the_limit_are_a_link():
    items = [item(f"Item {number}", category=("Town", "Quay")[number % 2]) for number in range(20)]
    mail = digest_mail(items, most=8)
    assert [heading.text_content() for heading in tree(mail).iter("h2")] == ["Town", "Quay"]
    assert len(list(tree(mail).iter("h3"))) == 8
    assert tree(mail).xpath("//a[text()='Read the other 12 new items']")[0].get("href") == "https://n.example.org/"
    assert "Read the other 12 new items:\nhttps://n.example.org/" in mail.text


def test_without_categories_there_is_one_section():
    mail = digest_mail([item("One"), item("Two")])
    assert [heading.text_content() for heading in tree(mail).iter("h2")] == ["What is new"]


@pytest.mark.parametrize("summary", ["The bridge is closed", "the **bridge** is closed!", " The bridge is  closed. "])
def test_a_summary_that_only_repeats_the_title_is_not_shown(summary: str):
    mail = digest_mail([item("The bridge is closed", summary=summary)])
    assert tree(mail).xpath("//*[@class='s']") == []
    assert mail.text.casefold().count("bridge") == 1


def test_a_summary_that_says_more_is_shown():
    assert "until May" in digest_mail([item("The bridge is closed", summary="The bridge is closed until May")]).html


def test_todays_items_have_their_time_and_older_ones_their_day():
    mail = digest_mail([item("One"), item("Two", published_at=NOON - timedelta(days=2))])
    assert [each.text for each in tree(mail).xpath("//*[@class='m']")] == ["12:00", "Sat 21 Nov, 12:00"]


def test_the_first_picture_is_large_and_the_others_are_small():
    pictures = {"image_url": "https://a.example/x.jpg", "category": "Town"}
    mail = digest_mail([item("One", **pictures), item("Two", **pictures), item("Three", category="Town")])
    large, small = tree(mail).iter("img")
    assert (large.get("width"), large.get("height"), large.get("alt")) == ("552", "310", "Picture: One")
    assert (small.get("width"), small.get("height"), small.get("alt")) == ("96", "72", "")
    assert [row.get("colspan") for row in tree(mail).xpath("//td[contains(@class,'i')][h3]")] == ["3", "1", "3"]
