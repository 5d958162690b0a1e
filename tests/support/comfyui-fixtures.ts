import { join } from "node:path";
import type { ComfyUi, CustomNode, NodeGroup } from "../../lib/comfyui/custom-nodes.ts";
import { readFolder } from "../../lib/plan/context-files.ts";
import type { Resolution } from "../../lib/recipe/recipe.ts";
import { type Contents, commitTo } from "./git-server.ts";

/** Where recipes say that the fixtures are; a mirror leads to the server of the test. */
export const fixtureOrigin = "https://git.example.com/";
const owner = `${fixtureOrigin}fixtures`;

/** A node class that adds one to a number, under a name of its own; `before` is code that runs on import. */
function nodeModule(name: string, before = ""): string {
  return [
    `"""${name}, a node for tests."""`,
    before,
    `class ${name}:`,
    "    @classmethod",
    "    def INPUT_TYPES(cls):",
    '        return {"required": {"number": ("INT", {"default": 1})}}',
    '    RETURN_TYPES = ("INT",)',
    '    FUNCTION = "run"',
    '    CATEGORY = "tests"',
    "    def run(self, number):",
    "        return (number + 1,)",
    "",
    `NODE_CLASS_MAPPINGS = {"${name}": ${name}}`,
    "",
  ].join("\n");
}

function project(name: string, version: string): string {
  return `[build-system]\nrequires = ["setuptools"]\n\n[project]\nname = "${name}"\nversion = "${version}"\n`;
}

/** Every kind of node that locking has to know, by name. */
const nodes: Readonly<Record<string, Contents>> = {
  plain: { files: { "__init__.py": nodeModule("Plain"), "pyproject.toml": project("plain", "1.2.3") } },
  requirements: {
    files: {
      "__init__.py": nodeModule("Requirements", "import six"),
      "requirements.txt":
        "# comment\nsix>=1.15  # why\n\n-r more/base.txt\n--extra-index-url https://index.example.com\npackaging \\\n  >=23\n",
      "more/base.txt": "idna\n-r ../requirements.txt\n",
    },
  },
  "two-files": {
    files: {
      "__init__.py": nodeModule("TwoFiles"),
      "requirements-with-cupy.txt": "cupy-wheel\n",
      "requirements-no-cupy.txt": "six\n",
    },
  },
  installer: {
    files: {
      "__init__.py": nodeModule("Installer", "from . import made_by_install"),
      "install.py": 'open("made_by_install.py", "w").write("VALUE = 1\\n")\n',
    },
  },
  pointer: {
    files: { "__init__.py": nodeModule("Pointer") },
    lfs: { "models/large.bin": "what git LFS would fetch" },
  },
  address: {
    files: {
      "__init__.py": nodeModule("Address", "import fixture_tool"),
      "requirements.txt": `git+${owner}/tool.git\ncmake\n`,
    },
  },
  prestartup: {
    files: {
      "__init__.py": nodeModule("Prestartup"),
      "prestartup_script.py": 'print("prestartup ran", flush=True)\n',
    },
  },
  "calls-pip": {
    files: {
      "__init__.py": nodeModule(
        "CallsPip",
        'import subprocess, sys\ntry:\n    import six\nexcept ImportError:\n    subprocess.run([sys.executable, "-m", "pip", "install", "six"])',
      ),
    },
  },
  broken: { files: { "__init__.py": nodeModule("Broken", "import nothing_has_this_name") } },
  disabled: {
    files: { "__init__.py": nodeModule("Disabled"), "requirements.txt": "numpy<1.20\n" },
  },
  "old-torch": { files: { "__init__.py": nodeModule("OldTorch"), "requirements.txt": "torch==2.1\n" } },
  "old-numpy": { files: { "__init__.py": nodeModule("OldNumpy"), "requirements.txt": "numpy<1.20\n" } },
};

/** What a recipe has to say about them. */
const remarks: Readonly<Record<string, Partial<CustomNode>>> = {
  "two-files": { requirements: ["requirements-no-cupy.txt"] },
  installer: { install: { reason: "writes a module that it imports", fetches: [] } },
  pointer: { pointers: "only an example" },
  address: {
    replace: {
      [`git+${owner}/tool.git`]: { use: ["fixture-tool"], reason: "built from its commit" },
      cmake: { use: [], reason: "a build tool" },
    },
  },
  broken: { knownFailure: "imports a module that nobody has" },
  disabled: { disabled: "only for old hosts" },
};

/** A fixture as a recipe names it; `more` takes precedence over what is known of it. */
export function fixtureNode(name: string, more: Partial<CustomNode> = {}): CustomNode {
  return { repository: `${owner}/${name}`, ...remarks[name], ...more };
}

const group = (name: string, ...names: string[]): NodeGroup => ({
  name,
  summary: `nodes for tests: ${names.join(", ")}`,
  nodes: names.map((node) => fixtureNode(node)),
});

/** ComfyUI in small with nodes of every kind, all of which can be locked and built together. */
export const fixtureComfyUi: ComfyUi = {
  source: { repository: `${owner}/ComfyUI`, ref: "v0.33.0" },
  groups: [
    group("simple", "plain", "requirements", "two-files", "prestartup"),
    group("odd", "installer", "submodule", "pointer", "address", "calls-pip", "broken", "disabled"),
  ],
};

/** Each of these cannot be resolved beside the stack's torch or a numpy of today. */
export const conflictingNodes = { torch: fixtureNode("old-torch"), numpy: fixtureNode("old-numpy") };

export const fixtureResolution: Resolution = {
  gitPackages: { "fixture-tool": { repository: `${owner}/tool`, requires: ["six"] } },
};

/** Where a fixture's repository lies below the folder that a git server serves. */
export function fixturePath(folder: string, name: string): string {
  return join(folder, "fixtures", `${name}.git`);
}

/** Makes every fixture's repository below `folder`; answers their commits by name. */
export async function makeFixtures(folder: string): Promise<Readonly<Record<string, string>>> {
  const commits: Record<string, string> = {};
  const make = async (name: string, contents: Contents) => {
    commits[name] = await commitTo(fixturePath(folder, name), contents);
    return commits[name];
  };
  for (const [name, contents] of Object.entries(nodes)) await make(name, contents);
  await make("tool", {
    files: {
      "pyproject.toml": project("fixture-tool", "4.5.6"),
      "fixture_tool/__init__.py": "VALUE = 1\n",
    },
  });
  const inner = await make("inner", { files: { "__init__.py": "VALUE = 2\n" } });
  const library = await make("library", {
    files: { "__init__.py": "from .inner import VALUE\n" },
    submodules: { inner: { url: `${owner}/inner.git/`, commit: inner } },
  });
  await make("submodule", {
    files: { "__init__.py": nodeModule("Submodule", "from .extern.library import VALUE") },
    submodules: { "extern/library": { url: "../library.git", commit: library } },
  });
  const files = readFolder(join(import.meta.dirname, "comfyui"), "comfyui");
  await make("ComfyUI", {
    files: Object.fromEntries(files.map(({ path, content }) => [path, content.toString()])),
    tag: "v0.33.0",
  });
  return commits;
}
