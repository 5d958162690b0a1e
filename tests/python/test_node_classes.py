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
    return read_sources(sources | {f"{name}.py": text for name, text in named.items()})


def read_sources(sources: dict[str, str], others: list[str] | None = None, listed: list[str] | None = None) -> Any:
    """The same by path, with files that are no sources, and with classes that others list."""
    given = {"sources": sources, "files": [*sources, *(others or [])], "listed": listed or []}
    command = [sys.executable, "-W", "ignore", str(PROGRAM)]
    result = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
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


NODE = """
import folder_paths
class Node:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"name": (folder_paths.get_filename_list("loras"),), "model": ("MODEL",),
                             "image": ("IMAGE",), "kind": (["a", "b"],)}}
    FUNCTION = "run"
    def run(self, name, model, image, kind):
        BODY
NODE_CLASS_MAPPINGS = {"A": Node}
"""


def loads(body: str, before: str = "", **named: str) -> list[tuple[list[str], list[str], list[str]]]:
    """What a node's method opens beside its inputs: calls, inputs, names."""
    found = read(before + NODE.replace("BODY", body.replace("\n", "\n        ")), **named)
    return [(each["calls"], each["inputs"], each["names"]) for each in found["loads"].get("A", [])]


class Loads(unittest.TestCase):
    """What a class opens or fetches beyond what its inputs name."""

    def test_what_an_input_names_is_no_more_than_its_input(self) -> None:
        for body in (
            "torch.load(folder_paths.get_full_path('loras', name))",
            "path = folder_paths.get_full_path('loras', name)\nother = path\nreturn load_torch_file(other)",
            "return helper.load(name)",
            "return make(folder_paths.get_full_path('loras', name))()",
            "return 2 * image",
            "return torch.load(folder_paths.get_annotated_filepath(kind))",
        ):
            helper = "import torch\ndef load(file):\n    return torch.load(file)\n"
            before = "import torch, helper\nclass make:\n    def __init__(self, p):\n        self.p = p\n"
            before += "    def __call__(self):\n        return len(self.p)\n"
            self.assertEqual(loads(body, before, helper=helper), [], body)

    def test_calls_that_fetch_or_open_are_told_with_what_they_name(self) -> None:
        hub = "from huggingface_hub import hf_hub_download\n"
        self.assertEqual(
            loads("hf_hub_download('some/model', filename='model.pth')", hub),
            [(["hf_hub_download"], [], ["model.pth", "some/model"])],
        )
        for body, call in (
            ("AutoModel.from_pretrained(kind)", "from_pretrained"),
            ("import torch\ntorch.hub.load(kind)", "load"),
            ("import requests\nrequests.get(kind)", "get"),
            ("FaceAnalysis(name=kind)", "FaceAnalysis"),
            ("ort.InferenceSession(kind)", "InferenceSession"),
            ("folder_paths.get_full_path('loras', kind)", "folder loras"),
        ):
            self.assertEqual(loads(body), [([call], ["kind"], [])], body)
        self.assertEqual(loads("open(folder_paths.models_dir + '/x.bin')"), [(["folder"], [], [])])

    def test_helpers_bases_and_other_files_are_followed(self) -> None:
        helper = "from transformers import AutoModel\nREPO = 'some/model'\n"
        helper += "class Wrapped:\n    def __init__(self, repo=None):\n        AutoModel.from_pretrained(REPO)\n"
        for body, before in (
            ("helper.Wrapped()", "import helper\n"),
            ("TABLE[kind]()", "from helper import Wrapped\nTABLE = {'a': Wrapped}\n"),
            ("later(make)", "from helper import Wrapped\ndef make():\n    return Wrapped()\n"),
        ):
            found = loads(body, before, helper=helper)
            self.assertEqual([each[0] for each in found], [["from_pretrained"]], body)
        text = NODE.replace("class Node:", "class Node(Base):").replace("BODY", "self.fetch()")
        base = "class Base:\n    def fetch(self):\n        snapshot_download('some/model')\n"
        self.assertEqual(read(base + text)["loads"]["A"][0]["names"], ["some/model"])

    def test_what_another_node_gives_is_judged_there(self) -> None:
        self.assertEqual(loads("import torch\ntorch.load(model.path)"), [])
        # A picture says nothing of a model, and what is fetched is not given.
        self.assertEqual(loads("import torch\ntorch.load(image)"), [(["load"], ["image"], [])])
        self.assertEqual(loads("X.from_pretrained(model)"), [(["from_pretrained"], ["model"], [])])

    def test_files_that_the_repository_brings_are_none_to_fetch(self) -> None:
        text = "import os, torch\n" + NODE.replace(
            "BODY", "torch.load(os.path.join(os.path.dirname(__file__), 'tables', 'sums.pt'))"
        )
        self.assertEqual(read_sources({"a.py": text}, ["tables/sums.pt"])["loads"], {})
        self.assertEqual(read_sources({"a.py": text})["loads"]["A"][0]["names"], ["sums.pt"])

    def test_what_cannot_be_followed_is_said(self) -> None:
        for body, before, why in (
            ("exec(kind)", "", "?exec"),
            ("importlib.import_module(kind)", "import importlib\n", "?import_module"),
            ("getattr(transformers, kind)()", "import transformers\n", "?getattr"),
            ("nodes.NODE_CLASS_MAPPINGS[kind]()", "import nodes\n", "?node *"),
            ("nodes.NODE_CLASS_MAPPINGS['B']()", "import nodes\n", "?node B"),
            ("fast(image)", "from .compiled import fast\n", "?compiled.fast"),
            ("strange.run(image)", "import strange\n", "?strange"),
        ):
            self.assertIn([why], [each[0] for each in loads(body, before)], body)
        foreign = NODE.replace("class Node:", "class Node(other.Base):").replace('FUNCTION = "run"', "")
        self.assertEqual(read("import other\n" + foreign)["loads"]["A"][0]["calls"], ["?other.Base"])

    def test_a_class_whose_code_is_not_there_is_open(self) -> None:
        found = read('NODE_CLASS_MAPPINGS = {"A": make()}')
        self.assertEqual((found["classes"], found["open"]), (["A"], ["A"]))

    def test_names_of_lists_count_only_where_the_code_computes_names(self) -> None:
        plain = {"a.py": 'class C:\n    FUNCTION = "run"\n    def run(self): pass\nNODE_CLASS_MAPPINGS = {"A": C}\n'}
        self.assertEqual(read_sources(plain, listed=["Newer"])["classes"], ["A"])
        computed = plain["a.py"] + "for c in found():\n    NODE_CLASS_MAPPINGS[c.label] = c\n"
        found = read_sources({"a.py": computed}, listed=["Other"])
        self.assertEqual((found["classes"], found["open"]), (["A", "Other"], ["Other"]))
        # By the list that the pack reads, and by a label.
        listed = (
            computed.replace("C:", "Pack_BatchMake:").replace("C}", "Pack_BatchMake}")
            + "__nodes__ = [Pack_BatchMake]\n"
        )
        self.assertEqual(read_sources({"a.py": listed}, listed=["Batch Make (pack)"])["open"], [])
        named = computed.replace('FUNCTION = "run"', 'FUNCTION = "run"; NAME = "DO: IT (P)"')
        self.assertEqual(read_sources({"a.py": named}, listed=["DO: IT (P)"])["open"], [])

    def test_names_that_functions_formats_and_enums_make(self) -> None:
        for text in (
            "def n(x):\n    return '{} (p)'.format(x)\nNODE_CLASS_MAPPINGS = {n('A'): C}",
            "P = 'p'\nNODE_CLASS_MAPPINGS = {f'A ({P})': C}",
            "class N(Enum):\n    A = 'A (p)'\nNODE_CLASS_MAPPINGS = {N.A.value: C}",
        ):
            self.assertEqual(read(text)["classes"], ["A (p)"], text)


if __name__ == "__main__":
    unittest.main()
