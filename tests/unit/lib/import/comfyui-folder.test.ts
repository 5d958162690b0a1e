import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ComfyUiFolder,
  type NodeFolder,
  readComfyUiFolder,
} from "../../../../lib/import/comfyui-folder.ts";
import { type GitFiles, readGitFiles } from "../../../../lib/import/git-files.ts";

const commit = "4ac401af2b3962f7a669a6757a804f7773833c47";
const config = (url: string) =>
  `[core]\n\tbare = false\n[remote "fork"]\n\turl = https://github.com/me/x\n[remote "origin"]\n\turl = ${url}\n\tfetch = +refs\n`;
const git = (url: string, more: Partial<GitFiles> = {}): GitFiles => ({
  head: `${commit}\n`,
  config: config(url),
  packedRefs: "",
  ref: () => undefined,
  ...more,
});
const folder = (more: Partial<ComfyUiFolder>): ComfyUiFolder => ({
  git: undefined,
  version: undefined,
  nodes: [],
  files: [],
  environment: undefined,
  packages: [],
  models: [],
  hasOtherModels: false,
  ...more,
});
const node = (name: string, more: Partial<NodeFolder> = {}): NodeFolder => ({
  name,
  disabled: false,
  git: undefined,
  pyproject: undefined,
  isTracked: false,
  ...more,
});

test("a checkout's commit: of its own, of a branch, loose or packed", () => {
  const head = "ref: refs/heads/main\n";
  const found = { repository: "https://github.com/o/n", ref: commit };
  const url = "git@github.com:o/n.git";
  assert.deepEqual(readGitFiles(git(url)), found);
  const loose = (name: string) => (name === "refs/heads/main" ? `${commit}\n` : undefined);
  assert.deepEqual(readGitFiles(git(url, { head, ref: loose })), found);
  const packedRefs = `# pack-refs\n${"1".repeat(40)} refs/heads/other-main\n${commit} refs/heads/main\n`;
  assert.deepEqual(readGitFiles(git(url, { head, packedRefs })), found);
  assert.match(JSON.stringify(readGitFiles(git(url, { head }))), /no commit/);
  assert.match(JSON.stringify(readGitFiles(git(url, { head: "ref: refs/../../x" }))), /no commit/);
  assert.match(JSON.stringify(readGitFiles(git(url, { config: "" }))), /no remote/);
  assert.match(JSON.stringify(readGitFiles(git("/home/me/secret"))), /no address/);
  // A login in it is not shown.
  assert.doesNotMatch(JSON.stringify(readGitFiles(git("file://me:word@host/x"))), /word/);
});

test("nodes with git, of the registry, switched off, and of nobody", () => {
  const pyproject =
    '[project]\nname = "ComfyUI_Essentials"\nversion = "1.1"\n[project.urls]\nRepository = "https://github.com/cubiq/ComfyUI_essentials"\n';
  const { nodes, left } = readComfyUiFolder(
    folder({
      nodes: [
        node("ComfyUI-KJNodes", { git: git("https://github.com/kijai/ComfyUI-KJNodes.git") }),
        node("renamed", { git: git("https://github.com/a/b"), disabled: true }),
        node("comfyui_essentials", { pyproject, isTracked: true }),
        node("copied", { pyproject }),
        node("broken", { pyproject: "[", isTracked: true }),
        node("..", { git: git("https://github.com/a/c") }),
      ],
      files: [
        "mine.py",
        "websocket_image_save.py",
        "example_node.py.example",
        "off.py.disabled",
        "notes.txt",
      ],
    }),
  );
  assert.deepEqual(nodes, [
    {
      origin: { repository: "https://github.com/kijai/ComfyUI-KJNodes", ref: commit },
      disabled: false,
      folder: null,
    },
    { origin: { repository: "https://github.com/a/b", ref: commit }, disabled: true, folder: "renamed" },
    {
      origin: {
        registry: "comfyui_essentials",
        version: "1.1.0",
        repository: "https://github.com/cubiq/ComfyUI_essentials",
      },
      disabled: false,
      folder: "comfyui_essentials",
    },
  ]);
  assert.deepEqual(
    left.map(({ what }) => what),
    ["ComfyUI", "node copied", "node broken", "node ..", "node mine.py"],
  );
});

test("ComfyUI by its commit, else by its version; Python and packages by the environment beside it", () => {
  const { comfyui, python, installed } = readComfyUiFolder(
    folder({
      version: '# generated\n__version__ = "0.3.40"\n',
      environment: "home = /usr/bin\nversion = 3.12.4\n",
      packages: ["numpy-1.26.4.dist-info", "numpy", "torch-2.5.dist-info", "x.libs", "__pycache__"],
    }),
  );
  assert.deepEqual(comfyui, { repository: "https://github.com/Comfy-Org/ComfyUI", ref: "v0.3.40" });
  assert.equal(python, "3.12");
  assert.deepEqual(installed, ["numpy==1.26.4"]);
  const own = readComfyUiFolder(folder({ git: git("https://github.com/comfyanonymous/ComfyUI.git") }));
  assert.deepEqual(own.comfyui, { repository: "https://github.com/Comfy-Org/ComfyUI", ref: commit });
  const hostile = readComfyUiFolder(folder({ version: '__version__ = "0.3.40-$(id)"' }));
  assert.equal(hostile.comfyui, null);
});
