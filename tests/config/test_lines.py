"""The form of config.txt (CFG1)."""

import pytest

from mine_controller.config.lines import decode, has_tail, nearest, put_over, read


def texts(text):
    return [(problem.line, problem.text) for problem in read(text).problems]


def test_sections_keys_and_values_are_read_with_their_lines():
    document = read("# c\n[site]\n name =  My mine \n\n[roomalert in-take.1]\nhost=1.2.3.4\n[end]\n")
    assert document.problems == ()
    assert list(document.sections) == ["site", "roomalert in-take.1"]
    assert document.sections["site"].entries["name"][:3] == (3, "name", "My mine")
    assert document.sections["roomalert in-take.1"].entries["host"].value == "1.2.3.4"


def test_windows_line_ends_and_a_byte_order_mark_are_fine():
    text, wrong = decode(b"\xef\xbb\xbf[site]\r\nname = a\r\n[end]\r\n")
    assert not wrong
    assert read(text).problems == ()
    assert read(text).sections["site"].entries["name"].value == "a"


def test_a_percent_sign_an_equals_sign_and_a_dollar_are_plain_text():
    assert read("[a]\npassword = 5%(x)s=${HOME}%\n[end]").sections["a"].entries["password"].value == "5%(x)s=${HOME}%"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("[site]\nname = a\n", 3, "cut off"),
        ("", 1, "cut off"),
        ("[end]\nname = a", 2, "behind"),
        ("[end]\n# afterthought", 2, "behind"),
        ("[end]\n[end]", 2, "behind"),
        ("name = a\n[end]", 1, "before the first"),
        ("[Site]\n[end]", 1, "not a section"),
        ("[site] # here\n[end]", 1, "not a section"),
        ("[site\n[end]", 1, "not a section"),
        ("[a b c]\n[end]", 1, "not a section"),
        ("[a]\nname\n[end]", 2, "neither"),
        ("[a]\nname =\n[end]", 2, "no value"),
        ("[a]\nName = 1\n[end]", 2, "not a key"),
        ("[a]\n= 1\n[end]", 2, "not a key"),
        ("[a]\nx = 1\nx = 1\n[end]", 3, "first at line 2"),
        ("[a]\n[b]\n[a]\n[end]", 3, "first at line 1"),
        ("[a]\nx = 1\0\n[end]", 2, "control"),
        ("[a]\nx = 1\u2028y = 2\n[end]", 2, "control"),
        ("[a]\nx = \xa01\n[end]", 2, "can't be seen (U+00A0)"),
        ("[a]\nx = 1\xa0\n[end]", 2, "can't be seen (U+00A0)"),
        ("[a]\nx = to\u200bken\n[end]", 2, "can't be seen (U+200B)"),
        ("[a]\nx\xa0= 1\n[end]", 2, "not a key"),
    ],
)
def test_what_is_wrong_with_the_form_is_told_with_its_line(text, line, word):
    assert any(at == line and word in told for at, told in texts(text)), texts(text)


def test_keys_of_an_unreadable_section_are_not_told_again():
    assert len(texts("[Site]\nname = a\nother = b\n[end]")) == 1


def test_bytes_that_are_not_utf8_name_their_line():
    _, (problem,) = decode(b"[site]\nname = caf\xe9\n[end]")
    assert (problem.line, "UTF-8" in problem.text) == (2, True)


def test_a_comment_behind_a_value_is_seen_and_a_hash_inside_a_word_is_not():
    assert has_tail("1000 ; watts")
    assert has_tail("1000 # watts")
    assert has_tail("1000\t#watts")
    assert not has_tail("a#b;c")
    assert not has_tail("#signal")


def test_values_put_over_replace_and_add_without_touching_the_rest():
    document = read("[a]\nx = 1\ny = 2\n[end]")
    over = put_over(document, {"a": {"x": "9"}, "b c": {"z": "3"}})
    assert over.sections["a"].entries["x"][1:] == ("x", "9", True)
    assert over.sections["a"].entries["y"] == document.sections["a"].entries["y"]
    assert (over.sections["b c"].kind, over.sections["b c"].name) == ("b", "c")
    assert document.sections["a"].entries["x"].value == "1"


def test_the_nearest_word_is_offered_or_else_all_of_them():
    assert nearest("tmperature", ["temperature", "signal"]) == " (did you mean temperature?)"
    assert nearest("zzz", ["b", "a"]) == " (known: a, b)"
    assert nearest("zzz", []) == ""


def test_a_space_within_a_value_and_joined_signs_are_text():
    assert texts("[a]\nx = Power\xa0Signal\ny = \U0001f468\u200d\U0001f33e farm\n[end]") == []
