"""An Antminer of the 9 to 17 series: settings by a script that counts fields by their place, as the maker's does."""

from devices.antminers import MAC, stock_api
from devices.racks import StockWeb

from mine_controller.wire.door import WireError

PLACES = ("pool1url", "pool1user", "pool1pw", "pool2url", "pool2user", "pool2pw", "pool3url", "pool3user", "pool3pw")
PLACES += ("nobeeper", "notempoverctrl", "fan_customize_switch", "fan_customize_value", "freq", "voltage", "work_mode")
# The escapes its script undoes, in its order; all others stay as they are.
ESCAPES = ("23#", "24$", "25%", "26&", "2C,", "2B+", "3A:", "3B;", "3C<", "3D=", "3E>", "3F?", "40@", "5B[", "5D]")
ESCAPES += ("5E^", "7B{", "7C|", "7D}", "2F/")
POOLS = [
    {"url": "stratum+tcp://old.example:3333", "user": "acct.a b", "pass": "a&b=c"},
    {"url": "old2.example:443", "user": "acct", "pass": ""},
]
S9 = {"api-groups": "A:stats:pools", "bitmain-use-vil": "true", "bitmain-freq": "650", "bitmain-voltage": "0706"}
T17 = {"api-groups": "A:stats:pools", "bitmain-use-vil": True, "bitmain-work-mode": "0", "bitmain-freq": "O"}
T17 |= {"bitmain-voltage": "1950"}
TIMEOUT = WireError("timeout", "no answer in 19.0 s")


def page(names, address="/cgi-bin/set_miner_conf.cgi"):
    """A settings page: some script before the call that sends the fields, and some behind."""
    pairs = ", ".join(f"_ant_{name}:_ant_{name}" for name in names)
    call = f"jQuery.ajax({{\n\turl: '{address}',\n\ttype: 'POST',\n\tcache: false,\n\tdata: {{{pairs}}},\n"
    return f"<html><script>\nant_data = {{}};\n{call}\tsuccess: function(data) {{}}\n}});</script></html>".encode()


class OldBoard:
    """`names` are the fields its page sends. `answer` is what its script says, which comes too late as a rule."""

    def __init__(self, conf, model="Antminer T17+", names=PLACES, answer=TIMEOUT, keeps=True, **web):
        self.conf = {"pools": [dict(row) for row in POOLS], **conf}
        self.keeps, self.answer = keeps, answer
        info = {"macaddr": MAC.upper(), "minertype": model}
        pages = {"get_system_info": info, "get_miner_conf": lambda _: self.conf, "set_miner_conf": self._set}
        self.web = StockWeb(**{**pages, "minerConfiguration": page(names), **web})
        version = {"STATUS": [{"STATUS": "S"}], "VERSION": [{"Type": model, "BMMiner": "1.0.0"}]}
        self.ports = {4028: stock_api(version=version), 80: self.web}

    @property
    def forms(self):
        """What was sent to the script, whatever it was."""
        return [body for _, path, _, body in self.web.calls if path.endswith("set_miner_conf.cgi")]

    def _set(self, body):
        text = body if isinstance(body, str) else repr(body)
        told = dict.fromkeys(PLACES, "")
        for place, field in zip(PLACES, text.replace("&", " ").split(" "), strict=False):
            value = field.replace("+", " ")
            for escape in ESCAPES:
                value = value.replace(f"%{escape[:2]}", escape[2])
            told[place] = value.replace(f"_ant_{place}=", "", 1)
        if self.keeps:
            self._write(told)
        return self.answer

    def _write(self, told):
        rows = [
            {"url": told[f"pool{n}url"], "user": told[f"pool{n}user"], "pass": told[f"pool{n}pw"]} for n in (1, 2, 3)
        ]
        kept = {"pools": rows, "api-groups": "A:stats:pools", "bitmain-use-vil": "true"}
        if told["fan_customize_switch"] == "true":
            kept |= {"bitmain-fan-ctrl": "true", "bitmain-fan-pwm": told["fan_customize_value"]}
        for name in ("freq", "voltage", "work_mode"):
            setting = f"bitmain-{name.replace('_', '-')}"
            if told[name] or setting in self.conf:
                kept[setting] = told[name] or self.conf[setting]
        self.conf = kept
