"""What Home Assistant takes as a document of discovery, transcribed from the schemas of its MQTT integration.

From homeassistant.components.mqtt of 2024.3 and 2026.11 (schemas.py, sensor.py, binary_sensor.py, switch.py, select.py,
discovery.py): fields, which must be there, which exclude each other, and the names of topics.
"""

import json
import re

TOPIC = re.compile(r"[a-z]+/(?P<component>\w+)/(?:(?P<node>[a-zA-Z0-9_-]+)/)?(?P<object>[a-zA-Z0-9_-]+)/config")
COMMON = {
    "name", "unique_id", "device", "origin", "icon", "entity_category", "enabled_by_default", "availability",
    "availability_mode", "qos", "json_attributes_topic", "state_topic", "value_template", "device_class",
}  # fmt: skip
ALLOWED = {
    "sensor": COMMON | {"expire_after", "unit_of_measurement", "state_class", "options", "suggested_display_precision"},
    "binary_sensor": COMMON | {"expire_after", "payload_on", "payload_off"},
    "switch": COMMON | {"command_topic", "payload_on", "payload_off", "retain"},
    "select": COMMON - {"device_class"} | {"command_topic", "options", "retain"},
}
DEVICE = {
    "identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version", "serial_number",
    "sw_version", "via_device", "suggested_area", "configuration_url",
}  # fmt: skip
UNITS = {"power": {"W", "kW"}, "temperature": {"°C"}, "frequency": {"Hz"}, "voltage": {"V"}, "humidity": {"%"},
         "battery": {"%"}}  # fmt: skip
CLASSES = {
    "sensor": {*UNITS, "enum", "timestamp"},
    "binary_sensor": {"problem", "safety", "running", "connectivity", "smoke", "moisture", "door"},
    "switch": set(),
}


def check(topic: str, payload: str) -> dict:
    """The document; AssertionError for what Home Assistant would not take."""
    found = TOPIC.fullmatch(topic)
    assert found, topic
    component, config = found["component"], json.loads(payload)
    assert set(config) <= ALLOWED[component], set(config) - ALLOWED[component]
    assert config["unique_id"]
    assert config["device"]["identifiers"]
    assert set(config["device"]) <= DEVICE
    assert set(config["origin"]) <= {"name", "sw_version", "support_url"}
    assert config["origin"]["name"]
    if "device_class" in config:
        assert config["device_class"] in CLASSES[component]
    if component == "sensor":
        _sensor(config)
    if component == "select":
        assert config["options"]
        assert len(set(config["options"])) == len(config["options"])
    if component in ("switch", "select"):
        subscribable(config["command_topic"])
        assert config["retain"] is False
    else:
        assert config.get("entity_category") != "config"
    for one in config["availability"]:
        subscribable(one["topic"])
    subscribable(config["state_topic"])
    return config


def _sensor(config):
    kind, unit = config.get("device_class"), config.get("unit_of_measurement")
    if "options" in config:
        assert kind == "enum"
        assert unit is None
        assert "state_class" not in config
    if kind in UNITS:
        assert unit in UNITS[kind]
    assert unit is None or unit.strip()


def subscribable(topic):
    """A plain topic: no wildcard, no NUL, not one of the broker's own."""
    assert re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)+", topic), topic
