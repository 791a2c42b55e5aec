"""A NerdQaxe that keeps what it is told."""

from devices.shelf import http

MAC = "02:00:00:00:00:01"


class Nerd:
    """Answers as the firmware's v1 interface."""

    def __init__(self, **more):
        self.info = {
            "deviceModel": "NerdQAxe++",
            "macAddr": MAC,
            "version": "1.0.36",
            "hashRate": 4800,
            "otp": False,
            "shutdown": False,
            "frequency": 575,
            "coreVoltage": 1150,
            "autofanspeed": 1,
            "fanspeed": 40,
            "stratumURL": "btc.example",
            "stratumPort": 3333,
            "stratumUser": "acct.w1",
            **more,
        }

    def __call__(self, host, method, path, body):
        if method == "GET":
            return dict(self.info)
        if method == "PATCH":
            self.info |= body
        return http(b"")
