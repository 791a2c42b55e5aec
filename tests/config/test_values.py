"""One value at a time (CFG1, SEC5)."""

import pytest

from mine_controller.config.values import Place, WrongValueError, convert
from mine_controller.core.option import Option, Secret


def make(annotation, text, tmp_path, private=True, **about):
    return convert(annotation, Option(None, "help", **about), text, Place(tmp_path, private))


@pytest.mark.parametrize("text", ["0", "7", "-3", "000120"])
def test_whole_numbers_are_plain_digits(text, tmp_path):
    assert make(int, text, tmp_path) == int(text)


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "1e3",
        "nan",
        "inf",
        "-inf",
        "\uff10",
        "\u0967",
        "+5",
        "1.0",
        "1,000",
        "0x10",
        "",
        "--1",
        "1 000",
        "12 W",
        "9" * 16,
    ],
)
def test_no_other_spelling_of_a_number_is_believed(text, tmp_path):
    for annotation in (int, float):
        if annotation is float and text == "1.0":
            continue
        with pytest.raises(WrongValueError):
            make(annotation, text, tmp_path)


@pytest.mark.parametrize("text", [".5", "5.", "1.2.3", "1e3", "nan", "3,5", "1.", "\uff11.5"])
def test_a_fraction_has_digits_on_both_sides_of_its_point(text, tmp_path):
    with pytest.raises(WrongValueError):
        make(float, text, tmp_path)


def test_the_bounds_are_hard_and_told_with_the_unit(tmp_path):
    assert make(float, "45", tmp_path, low=30, high=45, unit="°C") == 45
    with pytest.raises(WrongValueError, match="95 is outside 30 to 45 °C"):
        make(float, "95", tmp_path, low=30, high=45, unit="°C")
    with pytest.raises(WrongValueError, match="at least 0"):
        make(int, "-1", tmp_path, low=0)


def test_yes_and_no_are_the_only_booleans(tmp_path):
    assert make(bool, "yes", tmp_path) is True
    assert make(bool, "no", tmp_path) is False
    for text in ("true", "1", "on", "Yes"):
        with pytest.raises(WrongValueError, match="neither yes nor no"):
            make(bool, text, tmp_path)


def test_a_choice_outside_the_list_is_told_the_nearest(tmp_path):
    with pytest.raises(WrongValueError, match="did you mean efficiency"):
        make(str, "eficiency", tmp_path, choices=("wear", "efficiency"))


def test_a_list_has_commas_and_no_empty_places(tmp_path):
    assert make(tuple[str, ...], "a, b ,c", tmp_path) == ("a", "b", "c")
    for text in ("a,,b", "a,", "a, a"):
        with pytest.raises(WrongValueError):
            make(tuple[str, ...], text, tmp_path)


@pytest.mark.parametrize("text", ["192.168.1.100", "meter.lan", "localhost:8080", "127.0.0.1:0001", "[::1]:80"])
def test_hosts(text, tmp_path):
    assert make(str, text, tmp_path, kind="host") == text


@pytest.mark.parametrize(
    "text", ["192.168.1", "192.168.1.256", "http://a", "a b", "a/b", "a:0", "a:70000", "u@a", "-a", "1.2.3.4.5", ""]
)
def test_what_is_no_host(text, tmp_path):
    with pytest.raises(WrongValueError):
        make(str, text, tmp_path, kind="host")


@pytest.mark.parametrize("text", ["[::::]", "[1.2.3.4]:80", "[fe80::12345]", "[:::1]:80", "[1:2:3:4:5:6:7:8:9]"])
def test_what_no_library_takes_for_an_ipv6_address_is_told_as_wrong(text, tmp_path):
    """Behind the check it would end a tick in a traceback, where a broken config gives way to the last good one."""
    for kind, whole in (("host", text), ("url", f"http://{text.partition(']')[0]}]/x")):
        with pytest.raises(WrongValueError, match="is not an IPv6 address"):
            make(str, whole, tmp_path, kind=kind)


@pytest.mark.parametrize("text", ["192.168.010.050", "192.168.8.040:80", "http://192.168.001.100/x"])
def test_an_address_with_leading_zeros_is_refused_because_it_is_another_devices(text, tmp_path):
    with pytest.raises(WrongValueError, match=r"has leading zeros, which count as octal: write 192\.168\.\d+\.\d+$"):
        make(str, text, tmp_path, kind="url" if "/" in text else "host")


@pytest.mark.parametrize("text", ["(", "a{99999999999}", "(" * 3000 + ")" * 3000])
def test_a_pattern_that_python_refuses_in_any_way_is_told_as_wrong(text, tmp_path):
    with pytest.raises(WrongValueError, match="is not a pattern"):
        make(str, text, tmp_path, kind="regex")


@pytest.mark.parametrize("text", ["~/mine", "~", "~owner/mine"])
def test_a_home_is_nobodys_here(text, tmp_path):
    """A folder called ~ was made beside config.txt, and an empty database in it."""
    for wrong in (lambda: make(str, text, tmp_path, kind="path"), lambda: make(Secret, f"file:{text}", tmp_path)):
        with pytest.raises(WrongValueError, match="write the whole path"):
            wrong()
    assert make(str, "a~b", tmp_path, kind="path") == str(tmp_path / "a~b")


@pytest.mark.parametrize("text", ["https://cbpower.coop/power-signal", "http://127.0.0.1:8080", "http://a/b?c=d#e"])
def test_addresses(text, tmp_path):
    assert make(str, text, tmp_path, kind="url") == text


@pytest.mark.parametrize(
    "text", ["ftp://a", "a.b/c", "http://", "http:///x", "http://a b", "http://a:99999/", "http://256.1.1.1/"]
)
def test_what_is_no_address(text, tmp_path):
    with pytest.raises(WrongValueError):
        make(str, text, tmp_path, kind="url")


def test_a_password_in_an_address_is_refused_without_repeating_it(tmp_path):
    for text in ("http://root:canary@host/", "http://root:canary@ho st/", "http://root:canary/1@host/"):
        with pytest.raises(WrongValueError) as caught:
            make(str, text, tmp_path, kind="url")
        assert "canary" not in str(caught.value)
    for text in ("root:canary@10.1.1.1", "root:canary@meter.lan:8080", "root:canary@10.1.1"):
        with pytest.raises(WrongValueError, match="write those as options of their own") as caught:
            make(str, text, tmp_path, kind="host")
        assert "canary" not in str(caught.value)


def test_a_pattern_that_does_not_compile_is_told(tmp_path):
    assert make(str, r"(\d+) ;x", tmp_path, kind="regex") == r"(\d+) ;x"
    with pytest.raises(WrongValueError, match="not a pattern"):
        make(str, "(", tmp_path, kind="regex")


def test_a_comment_behind_any_value_is_refused(tmp_path):
    for annotation in (int, float, bool, str, tuple[str, ...], Secret):
        with pytest.raises(WrongValueError, match="behind the value"):
            make(annotation, "1 ; watts", tmp_path)


def test_a_literal_secret_needs_a_private_file(tmp_path):
    found = make(Secret, "can%ary", tmp_path)
    assert found.reveal() == "can%ary"
    with pytest.raises(WrongValueError, match="chmod 600") as caught:
        make(Secret, "canary", tmp_path, private=False)
    assert "canary" not in str(caught.value)


def test_secrets_come_from_files_the_environment_and_credentials(tmp_path, monkeypatch):
    path = tmp_path / "key"
    path.write_text("canary\n")
    path.chmod(0o600)
    assert make(Secret, "file:key", tmp_path, private=False).reveal() == "canary"
    assert make(Secret, f"file:{path}", tmp_path, private=False).reveal() == "canary"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert make(Secret, "cred:key", tmp_path, private=False).reveal() == "canary"
    monkeypatch.setenv("MINE_KEY", "canary2")
    assert make(Secret, "env:MINE_KEY", tmp_path, private=False).reveal() == "canary2"


@pytest.mark.parametrize("text", ["file:missing", "file:", "env:NOT_THERE", "env:", "cred:key", "cred:../key"])
def test_a_secret_that_is_not_there_is_told(text, tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(WrongValueError):
        make(Secret, text, tmp_path)


@pytest.mark.parametrize("text", ["file: key", "file:\tkey", "file:key"])
def test_a_space_behind_the_colon_and_the_mark_of_windows_are_no_part_of_a_secret(text, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(b"\xef\xbb\xbfcanary\r\n")
    key.chmod(0o600)
    assert make(Secret, text, tmp_path, private=False).reveal() == "canary"


@pytest.mark.parametrize("text", ["File:key", "ENV:KEY", "Cred:key"])
def test_where_a_secret_lies_is_not_taken_for_the_secret(text, tmp_path):
    with pytest.raises(WrongValueError, match=r"^write (file|env|cred): in lower case$"):
        make(Secret, text, tmp_path)
    assert make(Secret, "Filed:key", tmp_path).reveal() == "Filed:key"


def test_a_secret_file_that_others_read_or_that_is_no_one_line_is_refused(tmp_path):
    path = tmp_path / "key"
    for content, mode in ((b"canary\n", 0o644), (b"a\nb\n", 0o600), (b"", 0o600), (b"\xff\xfe", 0o600)):
        path.write_bytes(content)
        path.chmod(mode)
        with pytest.raises(WrongValueError) as caught:
            make(Secret, "file:key", tmp_path)
        assert "canary" not in str(caught.value)
