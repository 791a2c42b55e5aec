import pytest
from devices.kinds import KINDS
from devices.scripted import Script, lost, value

from mine_controller.core.option import fill
from mine_controller.devices import _page, power_signal
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.wire.door import Response, WireError

PAGE = """<!DOCTYPE html><html><head><title>Power Signal | Corn Belt Power</title></head><body>
<h2>Power&nbsp;Signal</h2><div class="signal"><span id="value">{}</span></div></body></html>"""
NUMBERS = {"selector": "#value", "pattern": "(-?[0-9.]+)", "run_if": ("< 1",), "off_if": (">= 1",)}
WORDS = {"selector": "#value", "run": ("normal",), "off": ("interrupt",), "unknown": ("undetermined",)}
DATE = "Wed, 15 Jul 2026 19:07:00 GMT"


def options(**more):
    return fill(KINDS["power_signal"].Options, {"url": "https://192.0.2.1/power-signal", **more})


def page(body, status=200, **headers):
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, {"content-type": "text/html", **names}, body if isinstance(body, bytes) else body.encode())


def read(answer, chosen, memory=None):
    script = Script(lambda _: answer)
    return power_signal.parse(power_signal.fetch(script.wire, chosen, Ask(memory=memory or {})), chosen)


def signal(text, **more):
    return value(read(page(PAGE.format(text)), options(**more)), "", "signal")


def refusal(answer, chosen, memory=None):
    with pytest.raises(BadReply) as refused:
        read(answer, chosen, memory)
    assert len(str(refused.value)) <= 120
    return str(refused.value)


def memory_of(found):
    return {each.channel: each.value for each in found if each.quantity == "memory"}


@pytest.mark.parametrize(("text", "word"), [("0", "run"), ("0.99", "run"), ("-1", "run"), ("1", "off"), ("250", "off")])
def test_a_number_means_what_the_comparisons_say(text, word):
    assert signal(text, **NUMBERS) == word


@pytest.mark.parametrize(
    "text", ["", "1 or 0", "one", "0x0", "1e-3", "nan", "inf", "0,5", "--", "½", "0 1", "0<sup>1</sup>", "0<br>1"]
)
def test_sig4_what_is_no_plain_number_is_unreadable(text):
    assert refusal(page(PAGE.format(text)), options(**NUMBERS))


@pytest.mark.parametrize(
    "text", ["0\u200b", "\uff10", "\u22121", " 0 ", "<b>0</b>", "0<script>1</script>", "0<span hidden>1</span>"]
)
def test_what_a_reader_sees_as_a_number_is_one(text):
    assert signal(text, **NUMBERS) == "run"


def test_what_only_the_markup_holds_is_not_read():
    hidden = ['<b style="display: none">1</b>', "<!-- 1 -->", "<noscript>1</noscript>", "<template>1</template>"]
    assert [signal(f"0{each}", **NUMBERS) for each in hidden] == ["run"] * 4


def test_a_number_that_fits_no_comparison_or_two_is_unreadable():
    gap = {"selector": "#value", "run_if": ("< 1",), "off_if": (">= 2",)}
    overlap = {"selector": "#value", "run_if": ("< 2",), "off_if": (">= 1",)}
    assert "nothing by any rule" in refusal(page(PAGE.format("1.5")), options(**gap))
    assert "off and run" in refusal(page(PAGE.format("1.5")), options(**overlap))


def test_several_comparisons_of_one_word_hold_together():
    bounded = {"selector": "#value", "run_if": (">= 0", "< 1"), "off_if": (">= 1", "<= 9")}
    assert signal("0.5", **bounded) == "run"
    assert refusal(page(PAGE.format("-1")), options(**bounded))
    assert refusal(page(PAGE.format("999")), options(**bounded))


@pytest.mark.parametrize("text", ["Normal", "NORMAL", "nor\u00admal", "  normal "])
def test_words_are_compared_as_they_look(text):
    assert signal(text, **WORDS) == "run"


@pytest.mark.parametrize("text", ["MAYBE", "normal?", "not normal", "normal interrupt", "abnormal", "", "run"])
def test_sig4_a_word_of_no_list_is_unreadable_and_never_run(text):
    assert refusal(page(PAGE.format(text)), options(**WORDS))


def test_a_page_that_knows_nothing_says_so():
    assert "does not know" in refusal(page(PAGE.format("Undetermined")), options(**WORDS))


def test_sig4_two_different_values_are_a_contradiction_and_two_equal_ones_are_not():
    chosen = options(**WORDS | {"selector": "b"})
    assert "two different" in refusal(page(PAGE.format("") + "<b>normal</b><b>interrupt</b>"), chosen)
    assert value(read(page(PAGE.format("") + "<b>normal</b><b>Normal</b>"), chosen), "", "signal") == "run"


@pytest.mark.parametrize("status", [204, 301, 401, 403, 404, 429, 500, 502, 503])
def test_sig1_an_error_page_is_unreadable_whatever_stands_on_it(status):
    assert str(status) in refusal(page(PAGE.format("0"), status), options(**NUMBERS))


@pytest.mark.parametrize("fault", ["timeout", "dns", "tls", "refused"])
def test_sig1_a_page_that_does_not_come_is_the_wires_error(fault):
    script = Script(lambda _: lost(fault, "no page"))
    with pytest.raises(WireError):
        power_signal.fetch(script.wire, options(**NUMBERS), Ask())


@pytest.mark.parametrize("kind", ["", "image/png", "application/pdf", "text/css", "text/html2"])
def test_sig3_another_type_of_answer_is_no_page(kind):
    assert "not a page" in refusal(page(PAGE.format("0"), content_type=kind), options(**NUMBERS))


def test_sig3_too_small_and_too_large_are_no_pages():
    assert refusal(page("<b>0</b>"), options(**NUMBERS))
    assert refusal(page(PAGE.format("0") + " " * power_signal.LARGEST_PAGE), options(**NUMBERS))


def test_sig3_a_wanted_text_only_in_a_script_does_not_count():
    chosen = options(**NUMBERS, must_contain=("All rights reserved",))
    assert "without" in refusal(page(PAGE.format("0") + "<script>'All rights reserved'</script>"), chosen)
    assert value(read(page(PAGE.format("0") + "<p>All&nbsp;Rights  reserved</p>"), chosen), "", "signal") == "run"


@pytest.mark.parametrize("title", ["Just a moment...", "Access denied", "Captive Portal"])
def test_sig3_a_page_in_its_place_is_known_by_its_title(title):
    assert "not the page" in refusal(page(PAGE.replace("Power Signal |", title).format("0")), options(**NUMBERS))


def test_sig3_a_login_in_its_place_is_refused_unless_the_real_page_has_one():
    body = PAGE.format("0") + "<form><input type='Password'></form>"
    assert "password" in refusal(page(body), options(**NUMBERS))
    assert value(read(page(body), options(**NUMBERS, password_form_ok=True)), "", "signal") == "run"


def test_a_page_cut_anywhere_is_unreadable():
    whole = PAGE.format("normal operation suspended")
    for cut in range(len(whole) - len("</html>")):
        assert refusal(page(whole[:cut]), options(**WORDS)), cut


def test_a_page_without_an_end_is_whole_where_its_length_was_told():
    body = PAGE.format("normal").removesuffix("</body></html>")
    assert "cut short" in refusal(page(body), options(**WORDS))
    assert value(read(page(body, content_length="170"), options(**WORDS)), "", "signal") == "run"
    assert value(read(page(body, transfer_encoding="chunked"), options(**WORDS)), "", "signal") == "run"


def test_plain_text_that_breaks_off_in_a_line_is_unreadable():
    chosen = options(run_if=("< 1",), off_if=(">= 1",))
    assert "cut short" in refusal(page("0", content_type="text/plain"), chosen)
    assert value(read(page("0\n", content_type="text/plain"), chosen), "", "signal") == "run"


def test_a_colour_that_is_only_a_class_can_be_read():
    body = PAGE.format("").replace('id="value"', 'id="value" class="zone red"')
    chosen = {"selector": "#value", "attribute": "class", "run": ("zone green",), "off": ("zone red",)}
    assert value(read(page(body), options(**chosen)), "", "signal") == "off"


def test_a_label_is_found_at_the_start_of_a_line_and_not_in_a_menu():
    body = PAGE.format("") + "<ul><li>See Load status normal</li></ul><p>Load status</p><p>interrupt</p>"
    chosen = {"label": "Load status:", "run": ("normal",), "off": ("interrupt",)}
    assert value(read(page(body), options(**chosen)), "", "signal") == "off"


def test_a_label_is_no_part_of_a_longer_word():
    body = PAGE.format("") + "<p>Statuses normal</p><p>Status: interrupt</p>"
    chosen = {"label": "Status", "run": ("normal",), "off": ("interrupt",)}
    assert value(read(page(body), options(**chosen)), "", "signal") == "off"


def test_a_heading_that_is_gone_takes_its_label_with_it():
    body = PAGE.format("") + "<h3>Gas</h3><p>Status: normal</p>"
    chosen = options(label="Status", heading="Electric", run=("normal",), off=("interrupt",))
    assert "not on the page" in refusal(page(body), chosen)


TABLE = "<table><tr><th>Group</th><th>A</th><th>B</th></tr><tr><td>North</td><td>on</td><td>off</td></tr>{}</table>"


def test_a_cell_is_where_its_row_and_its_column_meet():
    words = {"run": ("off",), "off": ("on",), "table_row": "north"}
    body = page(PAGE.format("") + TABLE.format(""))
    assert value(read(body, options(**words, table_column="A")), "", "signal") == "off"
    assert value(read(body, options(**words, table_column="b")), "", "signal") == "run"
    assert "not on the page" in refusal(body, options(**words, table_column="C"))


def test_a_cell_over_several_rows_and_columns_stands_in_each():
    wide = TABLE.format('<tr><td>South</td><td colspan="2" rowspan="2">on</td></tr><tr><td>West</td></tr>')
    chosen = {"run": ("off",), "off": ("on",), "table_column": "B"}
    for row in ("South", "West"):
        assert value(read(page(PAGE.format("") + wide), options(**chosen, table_row=row)), "", "signal") == "off"


def test_a_row_that_is_there_twice_with_two_values_is_a_contradiction():
    chosen = options(run=("off",), off=("on",), table_row="North", table_column="A")
    twice = TABLE.format("<tr><td>North</td><td>off</td><td>on</td></tr>")
    assert "two different" in refusal(page(PAGE.format("") + twice), chosen)


TIMED = {**NUMBERS, "time_pattern": "updated: ([0-9/]+ [0-9:]+)", "time_zone": "America/Chicago"}


def timed(text, **more):
    answer = page(PAGE.format("0") + f"<p>Updated: {text} CDT</p>", date=DATE, **more.pop("headers", {}))
    return answer, options(**TIMED, **more)


def test_the_pages_own_time_is_read_in_its_own_zone():
    assert value(read(*timed("07/15/2026 14:05")), "page_time", "text") == "2026-07-15T19:05Z"


def test_a_page_time_in_the_future_is_unreadable():
    assert value(read(*timed("07/15/2026 14:16")), "", "signal") == "run"
    assert "future" in refusal(*timed("07/15/2026 14:18"))


def test_sig2_an_old_page_is_unreadable_where_a_limit_is_set():
    assert value(read(*timed("04/15/2026 09:30")), "", "signal") == "run"
    assert "old by its own time" in refusal(*timed("07/15/2026 13:00", max_page_age_s=3600))
    assert value(read(*timed("07/15/2026 13:30", max_page_age_s=3600)), "", "signal") == "run"


def test_sig2_an_age_that_can_not_be_told_counts_as_too_old_where_a_limit_is_set():
    assert "can't be told" in refusal(*timed("yesterday", max_page_age_s=3600))


@pytest.mark.parametrize("age", ["700", "many", "-", "99999999999999999999"])
def test_sig2_a_copy_that_lay_in_a_cache_too_long_is_unreadable(age):
    assert "from a cache" in refusal(page(PAGE.format("0"), age=age), options(**NUMBERS))


def test_the_last_good_page_is_named_when_asking_again():
    chosen = options(**NUMBERS, contact="ops@example.org")
    kept = memory_of(read(page(PAGE.format("1"), etag='"a1"', last_modified=DATE), chosen))
    script = Script(lambda _: page(b"", 304))
    found = power_signal.parse(power_signal.fetch(script.wire, chosen, Ask(memory=kept)), chosen)
    headers = script.requests[0].headers
    assert (headers["if-none-match"], headers["if-modified-since"]) == ('"a1"', DATE)
    assert "minectl/" in headers["user-agent"]
    assert "ops@example.org" in headers["user-agent"]
    assert value(found, "", "signal") == "off"
    assert memory_of(found) == kept


def test_not_modified_says_nothing_to_one_who_asked_nothing():
    assert "304" in refusal(page(b"", 304), options(**NUMBERS))


def test_not_modified_confirms_no_meaning_from_other_options():
    kept = memory_of(read(page(PAGE.format("1"), etag='"a1"'), options(**NUMBERS)))
    turned = options(**NUMBERS | {"run_if": (">= 1",), "off_if": ("< 1",)})
    script = Script(lambda _: page(PAGE.format("1")))
    found = power_signal.parse(power_signal.fetch(script.wire, turned, Ask(memory=kept)), turned)
    assert "if-none-match" not in script.requests[0].headers
    assert value(found, "", "signal") == "run"
    assert "304" in refusal(page(b"", 304), turned, kept)


def test_sig2_not_modified_out_of_an_old_cache_confirms_nothing():
    kept = memory_of(read(page(PAGE.format("0"), etag='"a1"'), options(**NUMBERS)))
    assert "from a cache" in refusal(page(b"", 304, age="4000"), options(**NUMBERS), kept)


def test_sig2_not_modified_does_not_make_an_expired_page_young():
    answer, chosen = timed("07/15/2026 13:30", max_page_age_s=3600, headers={"etag": '"a1"'})
    kept = memory_of(read(answer, chosen))
    assert "old by its own time" in refusal(page(b"", 304, date="Wed, 15 Jul 2026 21:07:00 GMT"), chosen, kept)


def test_the_same_bytes_are_not_read_twice(monkeypatch):
    kept = memory_of(read(page(PAGE.format("1")), options(**NUMBERS)))
    monkeypatch.setattr(_page, "soup", lambda _: pytest.fail("read again"))
    assert value(read(page(PAGE.format("1")), options(**NUMBERS), kept), "", "signal") == "off"


def test_other_bytes_are_read_and_not_taken_from_memory():
    kept = memory_of(read(page(PAGE.format("1")), options(**NUMBERS)))
    assert value(read(page(PAGE.format("0")), options(**NUMBERS), kept), "", "signal") == "run"


def test_a_damaged_memory_is_no_memory():
    kept = memory_of(read(page(PAGE.format("1"), etag='"a1"'), options(**NUMBERS)))
    for damage in ({"signal": "yes"}, {"signal": ""}, {"rules": ""}):
        assert "304" in refusal(page(b"", 304), options(**NUMBERS), kept | damage)


@pytest.mark.parametrize("mark", ["x" * 500, '"a\r\nHost: b"', '"ü"'])
def test_a_mark_that_can_not_be_sent_back_is_not_kept(mark):
    assert memory_of(read(page(PAGE.format("1"), etag=mark), options(**NUMBERS)))["etag"] == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"selector": "#value"},
        {"selector": "#value", "run": ("a",)},
        {"selector": "#value", "run": ("a",), "off": ("b",), "off_if": ("> 1",)},
        {"selector": "#value", "run_if": ("less than 1",), "off_if": (">= 1",)},
        {"selector": "#value", "label": "x", "run": ("a",), "off": ("b",)},
        {"table_row": "x", "run": ("a",), "off": ("b",)},
        {"selector": "#value", "run": ("a",), "off": ("b",), "pattern": "(a)(b)"},
        {"run": ("a",), "off": ("b",)},
        {"selector": "a[", "run": ("a",), "off": ("b",)},
    ],
)
def test_options_that_make_no_sense_together_never_give_a_signal(wrong):
    assert refusal(page(PAGE.format("a")), options(**wrong))


def test_a_reason_shows_the_snippet_without_control_characters():
    why = refusal(page(PAGE.format("\x1b[31mevil\x07 \u202e")), options(**WORDS))
    assert why.isprintable()
    assert "evil" in why


def test_json_is_read_by_path_or_by_key():
    def answer(tree):
        return page(tree, content_type="application/json")

    chosen = options(selector="a.0.level", run_if=("< 1",), off_if=(">= 1",))
    assert value(read(answer('{"a":[{"level":2}]}'), chosen), "", "signal") == "off"
    by_key = options(label="Level", run_if=("< 1",), off_if=(">= 1",))
    assert value(read(answer('{"a":[{"level":0},{"level":0}]}'), by_key), "", "signal") == "run"
    assert "two different" in refusal(answer('{"a":[{"level":0},{"level":1}]}'), by_key)
    for body in ('{"a":[{"level":null}]}', "[]", "{", "[" * 9000, '{"a":[{"level":NaN}]}', '{"a":[{"level":{}}]}'):
        assert refusal(answer(body), chosen)


def test_a_page_nested_beyond_measure_is_read_or_refused_but_never_an_error():
    body = "<div>" * 20_000 + '<span id="value">0</span>'
    assert read_or_refused(page(body, content_length=str(len(body)))) in ("run", "refused")


@pytest.mark.parametrize(
    ("piece", "chosen", "why"),
    [
        ("<div>", {"selector": "div"}, "more than 1000 tags within each other"),
        ("<p hidden>", {"selector": "p"}, "more than 1000 tags within each other"),
        ("<a><b>", {"selector": "a b a b"}, "more than 1000 tags within each other"),
        ("<table><tr><td>run", {"table_row": "a", "table_column": "b"}, "more than 1000 tags within each other"),
        ("<p>run</p>", {"selector": "p"}, "places of the page: it has to fit the signal alone"),
        ("<!--", {"selector": "p"}, "comments open"),
        (
            "<table><tr><td>x" * 100 + "</td></tr></table>" * 100,
            {"table_row": "a", "table_column": "b"},
            "nested too deeply in too many places",
        ),
    ],
)
def test_a_page_that_would_take_minutes_to_look_through_is_refused(piece, chosen, why):
    """Each of them kept a thread at work for minutes after its time was over, beside every tick."""
    body = piece * (200_000 // len(piece))
    assert why in refusal(page(body, content_length=str(len(body))), options(run=("run",), off=("off",), **chosen))


def test_a_page_of_a_hundred_open_tags_and_a_list_of_the_same_word_is_read():
    body = "<div>" * 100 + '<i class="s">run</i>' * 100
    chosen = options(selector=".s", run=("run",), off=("off",))
    assert value(read(page(body, content_length=str(len(body))), chosen), "", "signal") == "run"


def read_or_refused(answer):
    try:
        return value(read(answer, options(**NUMBERS)), "", "signal")
    except BadReply:
        return "refused"


def test_the_trail_shows_every_step_and_where_it_ended():
    chosen = options(**WORDS)
    script = Script(lambda _: page(PAGE.format("MAYBE")))
    steps = power_signal.trail(power_signal.fetch(script.wire, chosen, Ask()), chosen)
    assert [step for step, _ in steps] == ["answer", "markers", "located", "value", "unreadable"]
    assert "maybe" in dict(steps)["unreadable"]


def dated(memory, at_s, date=DATE, text="0"):
    chosen = options(**NUMBERS)
    script = Script(lambda _: page(PAGE.format(text), date=date))
    return power_signal.parse(power_signal.fetch(script.wire, chosen, Ask(memory=memory, at_s=at_s)), chosen)


def test_sig2_a_page_whose_date_stands_still_is_an_old_copy_however_well_it_reads():
    """SIG2."""
    first = memory_of(dated({}, 1000))
    second = memory_of(dated(first, 1120))
    assert second["date_s"] == "1120"  # the first answer that had one to be compared with
    assert value(dated(second, 1120 + 600), "", "signal") == "run"
    with pytest.raises(BadReply, match="Date has stood still for 601 s"):
        dated(second, 1120 + 601)
    again = dated(second, 1120 + 602, "Wed, 15 Jul 2026 19:27:00 GMT")
    assert value(again, "", "signal") == "run"
    assert memory_of(again)["date_s"] == "1722"


@pytest.mark.parametrize(
    ("chosen", "word"),
    [
        ({"run_if": ("< 2",), "off_if": (">= 1",)}, "off_if: 1 means both off and run"),
        ({"run_if": ("<= 1",), "off_if": (">= 1",)}, "off_if: 1 means both off and run"),
        ({"run_if": ("< 1",), "off_if": ("!= 0",)}, "off_if: -1 means both off and run"),
        ({"run_if": ("> 1",), "off_if": ("= 1",), "warn_if": ("> 5", "< 6")}, "warn_if: 5.5 means both warn and run"),
        ({"run": ("on", "ON"), "off": ("off", "On")}, "run: 'on' means off already"),
        ({"run": ("go",), "off": ("stop", "maintenance"), "unknown": ("Maintenance",)}, "unknown: 'maintenance' means"),
    ],
)
def test_what_would_mean_two_things_is_told_before_the_page_says_it(chosen, word):
    (found,) = power_signal.faults(options(selector="#value", **chosen))
    assert found.startswith(word)


@pytest.mark.parametrize(
    ("chosen", "word"),
    [
        ({"contact": "\u0141ukasz <l@example.pl>"}, "contact: holds a letter that no request can carry"),
        ({"max_page_age_s": 600}, "max_page_age_s: needs time_pattern, which says where the page tells its time"),
    ],
)
def test_what_would_make_every_page_unreadable_is_told_before_it_does(chosen, word):
    """Each request failed, or each page was of unknown age: the mine was off after the grace."""
    (found,) = power_signal.faults(options(**NUMBERS, **chosen))
    assert found.startswith(word)


def test_a_contact_with_letters_that_a_request_carries_is_taken():
    assert power_signal.faults(options(**NUMBERS, contact="J\u00f6rg <j@example.de>")) == []


@pytest.mark.parametrize(
    "chosen",
    [
        {"run_if": ("< 1",), "off_if": (">= 1",)},
        {"run_if": ("= 0",), "off_if": ("!= 0",)},
        {"run_if": ("< 1",), "warn_if": (">= 1", "< 2"), "off_if": (">= 2",)},
        {"run": ("on", "ON"), "off": ("off",)},
    ],
)
def test_meanings_that_exclude_each_other_are_taken(chosen):
    assert power_signal.faults(options(selector="#value", **chosen)) == []
