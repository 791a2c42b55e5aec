"""DMTF Redfish rack PDU with metered, switched outlets A1..An, after the public mockup of the standard.

The collection takes $expand; a switch is a POST to the target the outlet names. An unmetered unit says
null for the watts of an outlet. One outlet group, "all", switches every outlet in one call.
"""

import re
from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, basic_ok, denied, json_answer
from mine_controller.twin.pdu import Pdu

ROOT: Final = "/redfish/v1"
UNIT: Final = f"{ROOT}/PowerEquipment/RackPDUs/1"
_MESSAGE: Final = "@Message.ExtendedInfo"


class Unit:
    """One PDU. `expands` False: $expand is ignored, as some vendors do; `user` and `password` for Basic."""

    def __init__(self, pdu: Pdu, user: str, password: str, *, expands: bool = True) -> None:
        self.pdu, self.user, self.password, self.expands = pdu, user, password, expands

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call."""
        path = asked.path.rstrip("/")
        if path == ROOT:
            return json_answer(self._service())
        if not basic_ok(asked, self.user, self.password):
            return denied("Redfish")
        if asked.method == "POST":
            return self._post(path, asked.tree(), at_s)
        return self._get(path, "$expand" in asked.query and self.expands, at_s)

    def _get(self, path: str, expand: bool, at_s: float) -> Answer:
        if path == f"{UNIT}/Outlets":
            return json_answer(self._outlets(expand, at_s))
        if path == f"{UNIT}/Metrics":
            return json_answer(self._metrics(at_s))
        if path == f"{UNIT}/OutletGroups/all":
            return json_answer(self._group())
        if path == UNIT:
            return json_answer(_unit())
        if path == f"{ROOT}/PowerEquipment/RackPDUs":
            return json_answer({"Members": [{"@odata.id": UNIT}], "Members@odata.count": 1, "@odata.id": path})
        found = re.fullmatch(re.escape(UNIT) + r"/Outlets/A(\d+)", path)
        if found and 1 <= int(found[1]) <= self.pdu.count:
            return json_answer(self._outlet(int(found[1]) - 1, at_s))
        return _error(404, "ResourceMissingAtURI", "The resource at the URI was not found.")

    def _post(self, path: str, tree: Any, at_s: float) -> Answer:
        outlets = self._meant(path)
        state = tree.get("PowerState") if isinstance(tree, dict) else None
        if not outlets:
            return _error(404, "ResourceMissingAtURI", "The resource at the URI was not found.")
        if state not in ("On", "Off"):
            return _error(400, "ActionParameterNotSupported", "The parameter PowerState is not supported.")
        done = [self.pdu.switch(outlet, state == "On", at_s) for outlet in outlets]
        if not any(done):
            return _error(503, "ActionNotSupported", "The action failed on the relay board.")
        return Answer(204, {}, b"")

    def _meant(self, path: str) -> list[int]:
        """The outlets, 0-based, that a switching action's path stands for."""
        if path == f"{UNIT}/OutletGroups/all/OutletGroup.PowerControl":
            return list(range(self.pdu.count))
        found = re.fullmatch(re.escape(UNIT) + r"/Outlets/A(\d+)/(?:Actions/)?Outlet\.PowerControl", path)
        return [int(found[1]) - 1] if found and 1 <= int(found[1]) <= self.pdu.count else []

    def _group(self) -> dict[str, Any]:
        path = f"{UNIT}/OutletGroups/all"
        return {
            "@odata.type": "#OutletGroup.v1_2_0.OutletGroup",
            "Id": "all",
            "Name": "All outlets",
            "PowerEnabled": True,
            "Links": {"Outlets": [{"@odata.id": f"{UNIT}/Outlets/A{i + 1}"} for i in range(self.pdu.count)]},
            "Actions": {"#OutletGroup.PowerControl": {"target": f"{path}/OutletGroup.PowerControl"}},
            "@odata.id": path,
        }

    def _service(self) -> dict[str, Any]:
        yes = self.expands
        expand = {"ExpandAll": yes, "Levels": yes, "Links": False, "NoLinks": yes, "MaxLevels": 2}
        return {
            "@odata.type": "#ServiceRoot.v1_16_0.ServiceRoot",
            "Id": "RootService",
            "RedfishVersion": "1.18.0",
            "ProtocolFeaturesSupported": {"ExpandQuery": expand},
            "PowerEquipment": {"@odata.id": f"{ROOT}/PowerEquipment"},
            "@odata.id": f"{ROOT}/",
        }

    def _outlets(self, expand: bool, at_s: float) -> dict[str, Any]:
        rows: list[dict[str, Any]] = [{"@odata.id": f"{UNIT}/Outlets/A{i + 1}"} for i in range(self.pdu.count)]
        if expand:
            rows = [self._outlet(i, at_s) for i in range(self.pdu.count)]
        return {
            "@odata.type": "#OutletCollection.OutletCollection",
            "Name": "Outlet Collection",
            "Members": rows,
            "Members@odata.count": len(rows),
            "@odata.id": f"{UNIT}/Outlets",
        }

    def _outlet(self, i: int, at_s: float) -> dict[str, Any]:
        name, watts = f"A{i + 1}", self.pdu.watts(i, at_s)
        path, sensors = f"{UNIT}/Outlets/{name}", "/redfish/v1/Chassis/PDU/Sensors"
        power = {"DataSourceUri": f"{sensors}/Power{name}", "Reading": round(watts, 1), "PowerFactor": 0.99}
        energy = {"DataSourceUri": f"{sensors}/Energy{name}", "Reading": round(self.pdu.energy_kwh(i), 1)}
        return {
            "@odata.type": "#Outlet.v1_4_4.Outlet",
            "Id": name,
            "Name": f"Outlet {name}, Branch Circuit {chr(65 + i // 8)}",
            "Status": {"Health": "OK", "State": "Enabled"},
            "RatedCurrentAmps": 20,
            "PowerState": "On" if self.pdu.shown_on(i) else "Off",
            "PowerEnabled": True,
            "PowerOnDelaySeconds": 0,
            "Voltage": {"DataSourceUri": f"{sensors}/Voltage{name}", "Reading": 277.1},
            "CurrentAmps": {"DataSourceUri": f"{sensors}/Current{name}", "Reading": round(watts / 277.1, 2)},
            "PowerWatts": power if self.pdu.metered else None,
            "EnergykWh": energy if self.pdu.metered else None,
            "Actions": {"#Outlet.PowerControl": {"target": f"{path}/Outlet.PowerControl"}},
            "@odata.id": path,
        }

    def _metrics(self, at_s: float) -> dict[str, Any]:
        watts = self.pdu.total_w(at_s)
        return {
            "@odata.type": "#PowerDistributionMetrics.v1_4_0.PowerDistributionMetrics",
            "Id": "Metrics",
            "Name": "Summary Metrics",
            "PowerWatts": {"Reading": round(watts), "ApparentVA": round(watts / 0.99), "PowerFactor": 0.99},
            "EnergykWh": {"Reading": round(sum(self.pdu.energy_kwh(i) for i in range(self.pdu.count)))},
            "TemperatureCelsius": {"Reading": round(self.pdu.world.shown.inlet_c)},
            "@odata.id": f"{UNIT}/Metrics",
        }


def _unit() -> dict[str, Any]:
    return {
        "@odata.type": "#PowerDistribution.v1_4_0.PowerDistribution",
        "Id": "1",
        "Name": "RackPDU1",
        "EquipmentType": "RackPDU",
        "Manufacturer": "Twin",
        "Outlets": {"@odata.id": f"{UNIT}/Outlets"},
        "Metrics": {"@odata.id": f"{UNIT}/Metrics"},
        "@odata.id": UNIT,
    }


def _error(status: int, code: str, text: str) -> Answer:
    info = {"MessageId": f"Base.1.13.{code}", "Severity": "Critical", "Resolution": "None."}
    return json_answer({"error": {"code": f"Base.1.13.{code}", "message": text, _MESSAGE: [info]}}, status)
