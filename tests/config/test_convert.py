"""Older config files."""

import pytest

from mine_controller.config.convert import WHY_NOT, old_to_new, pairs
from mine_controller.config.lines import read
from mine_controller.config.load import load
from mine_controller.config.sites import template
from mine_controller.config.values import Place

BAGS = """\
[GENERAL]
loop_interval_minutes = 5
max_temp_celsius = 34
min_temp_celsius = 8
max_humidity = 75

[APIS]
cornbelt_url = https://cbpower.coop/power-signal
roomalert_ip = 10.1.1.100
iotawatt_ip = 10.1.1.101
foreman_api = http://foreman.mn/api
pdu_ip = 10.1.1.102
fan_relay_ip = 10.1.1.103

[NOTIFICATIONS]
telegram_token = YOUR_TELEGRAM_BOT_TOKEN
telegram_chat_id = 4711
email_smtp_server = smtp.example.com
email_smtp_port = 587
email_username = mine@example.com
email_password = canary-app-password
email_recipients = a@example.com,b@example.com
sms_api_key = canary-sms
sms_phone = +15551234567
"""
FLAT = """\
LoopInterval=2
PowerSignalURL=http://cbpower.coop/power-signal
FanAPIURL=http://roomalert.local/api/fan
TempAPIURL=http://roomalert.local/api/temp
IotaWattAPI=http://iotawatt.local/api/fan-wattage
SmartPDUAPI=http://smartpdu.local/api/miner
TelegramBotToken=canary-token
TelegramChatID=your-chat-id
EmailSMTPServer=smtp.example.com
EmailSMTPPort=587
EmailUser=mine@example.com
EmailPassword=canary-password
"""


def new(text, tmp_path):
    done = old_to_new(text, template("coop-container"), Place(tmp_path, private=True))
    return done, {(one.section, one.option): one.value for one in done.carried}, {one.key: one.why for one in done.left}


def test_every_key_of_the_bags_is_carried_over_or_told_why_not(tmp_path):
    done, carried, left = new(BAGS, tmp_path)
    assert len(done.carried) + len(done.left) == len(pairs(BAGS)) == 19
    assert carried["site", "tick_s"] == "300"
    assert carried["temperature", "warn_c"] == "34"
    assert carried["cold", "start_min_c"] == "8"
    assert carried["cold", "humidity_max_pct"] == "75"
    assert carried["roomalert intake", "url"] == "http://10.1.1.100"
    assert carried["redfish pdu1", "url"] == "https://10.1.1.102"
    assert carried["telegram", "token"] == "CHANGE-ME"
    assert carried["telegram", "chat_id"] == "4711"
    assert carried["email", "to"] == "a@example.com, b@example.com"
    assert carried["email", "password"] == "canary-app-password"
    assert "Twilio" in left["sms_api_key"]
    assert "host and scheme" in left["foreman_api"]


def test_every_key_of_the_flat_form_is_carried_over_or_told_why_not(tmp_path):
    done, carried, left = new(FLAT, tmp_path)
    assert len(done.carried) + len(done.left) == 12
    assert carried["power_signal coop", "url"] == "http://cbpower.coop/power-signal"
    assert carried["roomalert intake", "url"] == "http://roomalert.local"
    assert carried["iotawatt fans", "url"] == "http://iotawatt.local"
    assert carried["telegram", "token"] == "canary-token"
    assert carried["email", "server"] == "smtp.example.com"
    assert "temperature monitor" in left["FanAPIURL"]


@pytest.mark.parametrize("text", [BAGS, FLAT])
def test_what_comes_out_checks(text, tmp_path):
    done, _, _ = new(text, tmp_path)
    path = tmp_path / "config.txt"
    path.write_text(done.text)
    path.chmod(0o600)
    assert load(path).site.live is False


def test_the_flat_forms_mail_goes_on_to_its_own_address(tmp_path):
    done, _, _ = new(FLAT, tmp_path)
    path = tmp_path / "config.txt"
    path.write_text(done.text)
    path.chmod(0o600)
    channels = load(path).channels
    assert channels["email"].to == ("mine@example.com",)
    assert set(channels) == {"email"}, "telegram waits for its chat"


def test_a_channel_begun_by_an_old_key_shows_what_is_still_to_be_filled_in(tmp_path):
    done, _, _ = new("telegram_chat_id = 4711\nemail_smtp_server = smtp.example.com\n", tmp_path)
    assert "[telegram]\nchat_id = 4711\ntoken = CHANGE-ME\n" in done.text
    assert "[email]\nserver = smtp.example.com\nto = CHANGE-ME\n" in done.text


def test_what_was_left_stands_in_the_new_file_without_its_value(tmp_path):
    done, _, _ = new(BAGS, tmp_path)
    assert "# sms_api_key was not carried over because" in done.text
    assert "canary-sms" not in done.text
    assert read(done.text).problems == ()
    done, carried, left = new("pdu_ip = http://root:canary@10.1.1.102/x\n", tmp_path)
    assert (carried, left) == ({}, {"pdu_ip": "it carries a user or password: write those as options of their own"})
    assert "canary" not in done.text


def test_a_dangerous_or_broken_value_is_left_with_its_reason(tmp_path):
    _, carried, left = new("max_temp_celsius = 95\nroomalert_ip = 10.1.1\nloop_interval_minutes = soon\n", tmp_path)
    assert not carried
    assert "95 is outside" in left["max_temp_celsius"]
    assert "IPv4" in left["roomalert_ip"]
    assert "minutes" in left["loop_interval_minutes"]


def test_python_assignments_and_yaml_are_told_key_by_key(tmp_path):
    text = 'NETWORK_SUBNET = "10.0.0.0/24"  # home\nFLASK_PORT = 5000\nenergy:\n  default_region: H\nfoo: bar\n'
    _, carried, left = new(text, tmp_path)
    assert not carried
    assert set(left) == {"NETWORK_SUBNET", "FLASK_PORT", "default_region", "foo"}
    assert left["NETWORK_SUBNET"] == WHY_NOT["NETWORK_SUBNET"]
    assert dict(pairs(text))["NETWORK_SUBNET"] == "10.0.0.0/24"


def test_groups_of_yaml_that_are_set_up_anew_are_told(tmp_path):
    _, _, left = new("notifications:\n  telegram:\n    bot_token: x\n  discord:\n    webhook_url: y\n", tmp_path)
    assert left["telegram"] == left["discord"] == WHY_NOT["telegram"]
    assert "notifications" not in left


@pytest.mark.parametrize("site", ["home-fleet", "agile-home", "offgrid-container"])
def test_what_another_sites_template_has_no_section_for_is_left_and_the_rest_checks(site, tmp_path):
    done = old_to_new(BAGS, template(site), Place(tmp_path, private=True))
    left = {one.key: one.why for one in done.left}
    assert left["cornbelt_url"] == "this site's template has no section [power_signal coop]"
    path = tmp_path / "config.txt"
    path.write_text(done.text)
    path.chmod(0o600)
    assert set(load(path).channels) == {"email"}


def test_placeholders_stay_to_be_filled_in(tmp_path):
    done, carried, _ = new("cornbelt_url = https://cbpower.coop/x\ntelegram_token = YOUR_TOKEN\n", tmp_path)
    assert "YOUR_TOKEN" not in done.text
    assert carried["telegram", "token"] == "CHANGE-ME"


def test_nothing_of_an_old_file_can_end_or_extend_the_new_one(tmp_path):
    done, _, _ = new("cornbelt_url = https://a/\x00\nroomalert_ip = a]\n[end]\nemail_password = x # y\n", tmp_path)
    assert read(done.text).problems == ()


def test_nothing_behind_a_quote_or_a_sign_of_a_comment_is_lost_without_a_word(tmp_path):
    """The first of two quoted addresses was carried over alone, and a password up to its first ` ;`."""
    text = 'email_recipients = "a@example.com", "b@example.com"  \nemail_password = abc ;def\nmax-temp = 30\n'
    _, carried, left = new(text, tmp_path)
    assert carried == {("email", "to"): "a@example.com, b@example.com"}
    assert "goes into a file" in left["email_password"]
    assert left["max-temp"] == "nothing here is called so"


@pytest.mark.parametrize(
    ("written", "value"),
    [('"it\'s"', "it's"), ("'a' # b", "a"), ("p#s;t", "p#s;t"), ('"a;b"; c', "a;b"), ('"a', '"a')],
)
def test_a_password_is_carried_over_as_it_was_meant(written, value, tmp_path):
    _, carried, _ = new(f"email_password = {written}\n", tmp_path)
    assert carried == {("email", "password"): value}


@pytest.mark.parametrize("monitor", ["", "http://10.1.1/api", "http://a:b@10.1.1.100/"])
def test_a_monitors_address_that_is_none_takes_the_relays_not_along(monitor, tmp_path):
    """The good address of the relays was left out, and the reason named was that of the other key."""
    _, carried, left = new(f"TempAPIURL={monitor}\nFanAPIURL=http://10.1.1.103/api/fan\n", tmp_path)
    assert carried["controlbyweb fans", "url"] == "http://10.1.1.103"
    assert "FanAPIURL" not in left


def test_a_value_that_goes_over_several_lines_is_taken_whole(tmp_path):
    """Of two recipients the second was lost without a word; a line that is a key of its own stays one."""
    text = (
        "[NOTIFICATIONS]\nemail_recipients =\n    a@example.com,  # me\n\n    ; the night shift\n    'b@example.com'\n"
        "  email_smtp_port = 587\n[APIS]\n  pdu_ip = 10.1.1.102\n  fan_relay_ip = 10.1.1.103\n"
    )
    _, carried, left = new(text, tmp_path)
    assert left == {}
    assert carried["email", "to"] == "a@example.com, b@example.com"
    assert carried["email", "port"] == "587"
    assert carried["redfish pdu1", "url"] == "https://10.1.1.102"
    assert carried["controlbyweb fans", "url"] == "http://10.1.1.103"


@pytest.mark.parametrize(
    ("key", "value", "more"),
    [("cornbelt_url", "https://a.example/x", "https://b.example/y"), ("email_password", "canary", "canary")],
)
def test_what_can_be_one_line_only_is_left_with_its_reason_where_it_goes_over_several(key, value, more, tmp_path):
    """The first line was taken for all of it."""
    done, carried, left = new(f"[GENERAL]\n{key} = {value}\n  {more}\nmax_humidity = 75\n", tmp_path)
    assert left == {key: "its value goes over several lines"}
    assert carried == {("cold", "humidity_max_pct"): "75"}
    assert "canary" not in done.text


def test_without_a_section_an_indented_line_goes_on_with_nothing(tmp_path):
    _, _, left = new("notifications:\n  enabled: yes\n  - foo\nupdate = 1\n   behind\n", tmp_path)
    assert set(left) == {"enabled", "update"}
