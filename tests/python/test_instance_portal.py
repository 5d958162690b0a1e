"""PORTAL_CONFIG, fitted to how the container was started, as a file that others read."""

from __future__ import annotations

import os
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import support  # noqa: F401

HAS_YAML = find_spec("yaml") is not None
if HAS_YAML:
    import yaml

    from strata_instance import portal_config
    from strata_instance.portal_config import DEFAULT, Application, adapt, parse, read_applications, to_yaml

ON_VAST = {"VAST_CONTAINERLABEL": "C.1", "VAST_TCP_PORT_8188": "40188"}
WITH_8080 = {**ON_VAST, "VAST_TCP_PORT_8080": "40080"}


def setUpModule() -> None:
    if not HAS_YAML:
        raise unittest.SkipTest("this Python lacks yaml")


def labels(applications: list[Application]) -> list[str]:
    return [each.label for each in applications]


class Parse(unittest.TestCase):
    def test_five_parts_of_which_the_last_may_have_colons(self) -> None:
        found, problems = parse("localhost:1111:11111:/:Portal| localhost:80:81:/a?b:With: colon |", {})
        self.assertEqual(found[1], Application("localhost", 80, 81, "/a?b", "With: colon"))
        self.assertEqual((len(found), problems), (2, []))

    def test_what_is_wrong_is_told_and_the_rest_stays(self) -> None:
        text = (
            "localhost:1:2:/:A|nonsense|localhost:x:2:/:B|localhost:0:2:/:C|localhost:1:2:/:A|:1:2:/:D|localhost:1:2:/:"
        )
        found, problems = parse(text, {})
        self.assertEqual(labels(found), ["A"])
        self.assertEqual(len(problems), 6)

    def test_a_port_that_vast_chooses(self) -> None:
        text = "localhost:72299:72299:/:Sync"
        self.assertEqual(parse(text, {"VAST_TCP_PORT_72299": "40001"})[0][0].external, 40001)
        self.assertEqual(parse(text, {})[0], [])


class Adapt(unittest.TestCase):
    def adapted(self, mode: str, text: str = "", **variables: str) -> list[Application]:
        return adapt(parse(text or DEFAULT, {})[0], mode, variables)

    def jupyter(self, mode: str, text: str = "", **variables: str) -> list[int]:
        return [each.internal for each in self.adapted(mode, text, **variables) if each.external == 8080]

    def test_the_images_own_jupyter_in_mode_args(self) -> None:
        self.assertEqual(self.jupyter("args"), [18080, 8080])
        self.assertEqual(self.jupyter("args", **WITH_8080), [18080, 8080])
        only = "localhost:8188:18188:/:ComfyUI"
        self.assertEqual(self.jupyter("args", only), [18080, 8080])
        self.assertEqual(self.jupyter("args", only, FORCE_JUPYTER="false"), [])

    def test_nobodys_where_the_port_is_closed_and_in_mode_ssh(self) -> None:
        self.assertEqual(self.jupyter("args", **ON_VAST), [])
        self.assertEqual(self.jupyter("ssh", **WITH_8080), [])
        self.assertEqual(labels(self.adapted("ssh")), ["Instance Portal", "ComfyUI", "Tensorboard"])

    def test_the_platforms_in_mode_jupyter(self) -> None:
        self.assertEqual(self.jupyter("jupyter", **WITH_8080), [8080, 8080])

    def test_override(self) -> None:
        for mode in ("ssh", "jupyter", "args"):
            self.assertEqual(self.jupyter(mode, JUPYTER_OVERRIDE="true", **ON_VAST), [18080, 8080])


class File(unittest.TestCase):
    def setUp(self) -> None:
        self.file = Path(self.enterContext(tempfile.TemporaryDirectory())) / "portal.yaml"
        self.enterContext(mock.patch.object(portal_config, "FILE", self.file))
        self.enterContext(mock.patch.object(portal_config, "launch_mode", lambda: "args"))
        self.enterContext(mock.patch.object(portal_config.read_applications, "__defaults__", (self.file,)))
        self.told = self.enterContext(mock.patch.object(portal_config, "say"))

    def write(self, **variables: str) -> int:
        with mock.patch.dict(os.environ, variables, clear=True):
            return portal_config.main([])

    def test_the_file_is_yaml_whatever_the_label(self) -> None:
        odd = [Application("localhost", 1, 2, '/"', 'no: "quotes" é #')]
        content = yaml.safe_load(to_yaml(odd))
        expected = {
            "hostname": "localhost",
            "external_port": 1,
            "internal_port": 2,
            "open_path": '/"',
            "name": odd[0].label,
        }
        self.assertEqual(content, {"applications": {odd[0].label: expected}})
        self.assertEqual(yaml.safe_load(to_yaml([])), {"applications": {}})

    def test_written_once_and_never_over_somebodys(self) -> None:
        self.assertEqual(self.write(PORTAL_CONFIG="localhost:1:2:/:Mine", FORCE_JUPYTER="false"), 0)
        self.assertEqual(list(read_applications()), ["Mine"])
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o644)
        self.write()
        self.assertEqual(list(read_applications()), ["Mine"])

    def test_an_empty_or_broken_file_does_not_count(self) -> None:
        for text in ("", "applications: {}\n", "applications: [", "\0", "- a\n"):
            self.file.write_text(text)
            self.write()
            self.assertIn("ComfyUI", read_applications(), text)

    def test_nothing_of_use_in_the_variable_is_told_and_noted(self) -> None:
        self.assertEqual(self.write(PORTAL_CONFIG="nonsense"), 1)
        self.assertIn("ComfyUI", read_applications())
        self.assertEqual(self.told.call_count, 2)

    def test_has_application(self) -> None:
        self.write(PORTAL_CONFIG="localhost:1:2:/:Mine", FORCE_JUPYTER="false")
        self.assertEqual(portal_config.has_application(["Other", "Mine"]), 0)
        self.assertEqual(portal_config.has_application(["Other"]), 1)

    def test_the_platforms_jupyter_is_no_service_of_ours(self) -> None:
        text = "localhost:8080:8080:/:Jupyter|localhost:8188:8188:/:ComfyUI"
        self.write(PORTAL_CONFIG=text, FORCE_JUPYTER="false")
        for mode, expected in (("jupyter", 1), ("args", 0)):
            with mock.patch.object(portal_config, "launch_mode", lambda mode=mode: mode):
                self.assertEqual(portal_config.has_application(["Jupyter"]), expected)
                self.assertEqual(portal_config.has_application(["ComfyUI"]), 0)


if __name__ == "__main__":
    unittest.main()
