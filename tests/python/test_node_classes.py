"""What is read of node classes from their sources, and what is honestly left open."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import REPOSITORY

PROGRAM = REPOSITORY / "tools/lock/node_classes"


def read(*files: str, **named: str) -> dict[str, Any]:
    """What the program says about sources, given as texts or by name (`a` is `a.py`)."""
    sources = {f"file{number}.py": text for number, text in enumerate(files)}
    sources |= {f"{name}.py": text for name, text in named.items()}
    command = [sys.executable, "-W", "ignore", str(PROGRAM)]
    result = subprocess.run(command, input=json.dumps(sources), capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def files_of(*files: str, **named: str) -> dict[str, dict[str, tuple[list[str], int | None]]]:
    """Folders and place of each input that names a model, by class."""
    models = read(*files, **named)["models"]
    return {
        name: {key: (value["folders"], value["widget"]) for key, value in inputs.items()}
        for name, inputs in models.items()
    }


CLASSIC = """
import folder_paths
class Loader:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"model": ("MODEL",), "strength": ("FLOAT", {"default": 1}),
                             "name": (folder_paths.get_filename_list("loras"),)},
                "optional": {"vae": (["None"] + folder_paths.get_filename_list("vae"),)}}
NODE_CLASS_MAPPINGS = {"A Loader": Loader}
"""

SCHEMA = """
class Loader(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        files = folder_paths.get_filename_list("detection")
        return io.Schema(node_id="V3", is_output_node=True, inputs=[
            io.Model.Input("model"),
            io.Int.Input("seed"),
            io.Combo.Input("name", options=sorted(files)),
        ])
class Other(Loader):
    @classmethod
    def define_schema(cls):
        schema = super().define_schema()
        schema.node_id = "V3Other"
        return schema
"""


class Classes(unittest.TestCase):
    """Names under which classes are registered."""

    def names(self, text: str, **named: str) -> list[str]:
        return read(text, **named)["classes"]

    def test_mappings_of_every_form(self) -> None:
        for text in (
            'NODE_CLASS_MAPPINGS = {"A": C, f"{x}": D}',
            'NODE_CLASS_MAPPINGS: dict = {"A": C}',
            'NODE_CLASS_MAPPINGS = {}\nNODE_CLASS_MAPPINGS["A"] = C',
            'try:\n    NODE_CLASS_MAPPINGS.update({"A": C})\nexcept Exception:\n    pass',
            'EXTRA_CLASS_MAPPINGS = {"A": C}',
            'NODE_CONFIG = {"A": {"class": C, "name": "an A"}}',
            'NAME = "A"\nNODE_CLASS_MAPPINGS = {NAME: C}',
            'class C:\n    NAME = "A"\nNODE_CLASS_MAPPINGS = {C.NAME: C}',
            'S = ""\nNODE_CLASS_MAPPINGS = {"A" + S: C}',
            'class C:\n    Id = "A"\nlisted = [C]\nfor node in listed:\n    NODE_CLASS_MAPPINGS[node.Id] = node',
        ):
            self.assertEqual(self.names(text), ["A"], text)

    def test_other_tables_are_no_mappings(self) -> None:
        self.assertEqual(self.names('NODE_DISPLAY_NAME_MAPPINGS = {"A": "an A"}\nOTHER = {"B": C}'), [])

    def test_schemas_and_what_a_subclass_makes_of_them(self) -> None:
        self.assertEqual(self.names(SCHEMA), ["V3", "V3Other"])
        inherited = (
            'class B:\n    def s(c):\n        return Schema(node_id=c.node_id)\nclass D(B):\n    node_id = "D"\n'
        )
        self.assertEqual(self.names(inherited), ["D"])

    def test_a_file_that_cannot_be_parsed_is_named_and_hides_no_other(self) -> None:
        found = read('NODE_CLASS_MAPPINGS = {"A": C}', broken="def (")
        self.assertEqual((found["classes"], found["unread"]), (["A"], ["broken.py"]))

    def test_nothing_is_run(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "ran"
            read(f"open({str(trace)!r}, 'w')\nNODE_CLASS_MAPPINGS = {{}}")
            self.assertFalse(trace.exists())


class Models(unittest.TestCase):
    """Inputs that name a file of a folder."""

    def test_classic_inputs_with_their_place_among_the_widgets(self) -> None:
        self.assertEqual(files_of(CLASSIC), {"A Loader": {"name": (["loras"], 1), "vae": (["vae"], 2)}})

    def test_schema_inputs(self) -> None:
        # The editor keeps two values for a seed. What a subclass makes of its base's inputs is not followed.
        self.assertEqual(files_of(SCHEMA), {"V3": {"name": (["detection"], 2)}})
        self.assertEqual(read(SCHEMA)["alone"], ["V3"])

    def test_a_class_has_the_inputs_of_its_base(self) -> None:
        text = CLASSIC + 'class More(Loader):\n    OUTPUT_NODE = True\nNODE_CLASS_MAPPINGS["More"] = More\n'
        self.assertEqual(files_of(text)["More"], files_of(CLASSIC)["A Loader"])
        self.assertEqual(read(text)["alone"], ["More"])

    def test_lists_are_followed_through_names_and_functions_of_other_files(self) -> None:
        node = CLASSIC.replace('folder_paths.get_filename_list("loras")', "helpers.loras()")
        helpers = "FOLDER = 'loras'\ndef loras():\n    found = get_filename_list(FOLDER)\n    return found\n"
        self.assertEqual(files_of(node, helpers=helpers)["A Loader"]["name"], (["loras"], 1))
        listed = CLASSIC.replace('folder_paths.get_filename_list("loras")', "LISTED")
        start = 'LISTED = folder_paths.get_filename_list("loras") + folder_paths.get_filename_list("old")\n'
        self.assertEqual(files_of(start + listed)["A Loader"]["name"], (["loras", "old"], 1))

    def test_functions_that_call_each_other_have_an_end(self) -> None:
        node = CLASSIC.replace('folder_paths.get_filename_list("loras")', "one()")
        self.assertNotIn(
            "name", files_of(node + "def one():\n    return two()\ndef two():\n    return one()\n")["A Loader"]
        )

    def test_what_cannot_be_told_stays_open(self) -> None:
        computed = CLASSIC.replace('"loras"', "compute()")
        self.assertEqual(files_of(computed), {"A Loader": {"vae": (["vae"], 2)}})
        # After an input of a kind that nobody can know, places are unknown.
        unknown = CLASSIC.replace('("FLOAT", {"default": 1})', "WHATEVER")
        self.assertEqual(files_of(unknown)["A Loader"]["name"], (["loras"], None))

    def test_an_input_that_is_forced_to_be_a_socket_is_no_widget(self) -> None:
        forced = CLASSIC.replace('{"default": 1}', '{"forceInput": True}')
        self.assertEqual(files_of(forced)["A Loader"]["name"], (["loras"], 0))


if __name__ == "__main__":
    unittest.main()
