"""config.txt as it lies in a copy: every setting and comment, no secret, and a list of what is to be typed again."""

import pytest
from cli.place import write_site
from hypothesis import example, given
from hypothesis import strategies as st

from mine_controller.config.kept import kept_text, put_back_text
from mine_controller.config.load import load
from mine_controller.config.model import ConfigError

CHANNELS = """\
[telegram]
# the old token was 99:canary-of-last-year
#token = 4711:canary-commented-out
token = 4711:canary-token
chat_id = 99

[email]
server = mail.test
username = canary-pdu@mail.test
password = file:mail.secret
sender = a@mail.test
to = b@mail.test
"""


def site(folder, more=""):
    path = write_site(folder)
    (folder / "mail.secret").write_text("canary-in-a-file\n")
    (folder / "mail.secret").chmod(0o600)
    path.write_text(path.read_text().replace("[end]", f"{more}\n[end]"))
    return path


def test_no_secret_of_the_config_is_in_the_kept_text_not_even_in_a_comment(tmp_path):
    """SEC5: what lies in every copy goes wherever copies go."""
    config = load(site(tmp_path, CHANNELS + "# the file holds canary-in-a-file\n"))
    assert b"canary" in config.texts[0].reveal().encode()
    assert b"canary" not in kept_text(config)


def test_everything_else_is_as_the_owner_wrote_it(tmp_path):
    config = load(site(tmp_path, CHANNELS))
    before, after = config.texts[0].reveal().split("\n"), kept_text(config).decode().split("\n")
    assert len(before) == len(after)
    changed = [now for was, now in zip(before, after, strict=True) if was != now]
    assert changed == [
        "password = ***", "key = ***", "# the old token was ***", "#token = ***", "token = ***",
        "username = ***@mail.test",
    ]  # fmt: skip
    assert "password = file:mail.secret" in after


def test_what_comes_back_names_what_is_to_be_typed_again_and_the_rest_counts(tmp_path):
    path = site(tmp_path, CHANNELS)
    path.write_text(path.read_text().replace("live = yes", "live = yes\nrequire = signal"))
    text, missing = put_back_text(kept_text(load(path)))
    assert missing == ("redfish pdu1.password", "foreman mine.key", "telegram.token", "email.username")
    (tmp_path / "config.txt").write_bytes(text)
    config = load(tmp_path / "config.txt")
    assert "roomalert intake" in config.endpoints
    assert not {"redfish pdu1", "foreman mine"} & set(config.endpoints)


def test_how_long_copies_are_kept_is_no_secret_and_comes_back_out_of_one(tmp_path):
    """With CHANGE-ME in place of its numbers a restored config.txt did not check, and nobody knew what they were."""
    path = site(tmp_path, "[keep]\nhourly = 12\nafter_backup = copy.sh\n")
    path.write_text(path.read_text().replace("live = yes", "live = yes\nrequire = signal"))
    text, missing = put_back_text(kept_text(load(path)))
    assert b"[keep]\nhourly = 12\nafter_backup = copy.sh\n" in text
    assert missing == ("redfish pdu1.password", "foreman mine.key")
    path.write_bytes(text)
    assert load(path).keep.hourly == 12


def test_typed_again_it_is_the_config_it_was(tmp_path):
    path = site(tmp_path)
    was = load(path)
    text, _ = put_back_text(kept_text(was))
    for secret in ("canary-pdu", "canary-key"):
        text = text.replace(b"CHANGE-ME", secret.encode(), 1)
    assert text.decode() == was.texts[0].reveal()


@pytest.mark.parametrize("secret", ["mine", "***", "canary", "%", "run", "password"])
def test_a_secret_that_is_also_a_word_of_the_file_breaks_no_title_and_no_key(tmp_path, secret):
    path = site(tmp_path)
    path.write_text(path.read_text().replace("canary-key", secret))
    try:
        config = load(path)
    except ConfigError:
        pytest.skip("no config to keep")
    kept = kept_text(config).decode()
    assert [line for line in kept.split("\n") if line.startswith("[")] == [
        line for line in path.read_text().split("\n") if line.startswith("[")
    ]
    assert "foreman mine.key" in put_back_text(kept.encode())[1]


STARRED = [b"[redfish pdu1]", b"[", b"password = ***", b"url = http://u:***@10.0.0.1", b"= ***", b"#***", b"x", b"\xff"]


@given(st.binary(max_size=300) | st.lists(st.sampled_from(STARRED), max_size=12).map(b"\n".join))
@example(b"[redfish pdu1]\npassword = ***")
def test_whatever_lay_in_a_copy_comes_back_without_an_error(raw):
    text, missing = put_back_text(raw)
    assert isinstance(text, bytes)
    assert text.count(b"CHANGE-ME") >= len(missing)
    assert all(one.partition(".")[2] for one in missing)
