import assert from "node:assert/strict";
import { test } from "node:test";
import { readSnapshot } from "../../../../lib/import/snapshot.ts";

const commit = "4ac401af2b3962f7a669a6757a804f7773833c47";
const other = "b6a8e6ba8147080a320b1b91c93a0b1cbdb93136";
/** As `get_current_snapshot` of ComfyUI-Manager 3.42 writes it (its manager_core.py). */
const snapshot = {
  comfyui: commit,
  git_custom_nodes: {
    "https://github.com/ltdrdata/ComfyUI-Impact-Pack.git": { hash: commit, disabled: false },
    "git@github.com:kijai/ComfyUI-KJNodes.git": { hash: other, disabled: true },
  },
  cnr_custom_nodes: { comfyui_essentials: "1.1.0" },
  file_custom_nodes: [
    { filename: "websocket_image_save.py", disabled: false },
    { filename: "mine.py", disabled: false },
    { filename: "old.py.disabled", disabled: true },
  ],
  pips: {
    "numpy==1.26.4": "",
    "torch==2.5.1": "",
    "nvidia-cudnn-cu12==9.1": "",
    sam2: "git+https://github.com/a/b@c",
  },
};
const read = (value: unknown, path = "snapshot.json") => readSnapshot(JSON.stringify(value), path);
const reasons = (value: unknown) => read(value).left.map(({ what, reason }) => `${what}: ${reason}`);

test("a snapshot of Manager's gives ComfyUI's commit, nodes of both kinds, and versions to prefer", () => {
  const { comfyui, nodes, installed, left } = read(snapshot);
  assert.deepEqual(comfyui, { repository: "https://github.com/Comfy-Org/ComfyUI", ref: commit });
  assert.deepEqual(
    nodes.map(({ origin, disabled }) => ({ ...origin, disabled })),
    [
      { repository: "https://github.com/ltdrdata/ComfyUI-Impact-Pack", ref: commit, disabled: false },
      { repository: "https://github.com/kijai/ComfyUI-KJNodes", ref: other, disabled: true },
      { registry: "comfyui_essentials", version: "1.1.0", repository: null, disabled: false },
    ],
  );
  // What is compiled for the image, the image decides.
  assert.deepEqual(installed, ["numpy==1.26.4"]);
  assert.deepEqual(
    left.map(({ what }) => what),
    ["node mine.py", "package sam2"],
  );
});

test("the same as YAML, as Manager writes it, says the same", () => {
  const lines = [
    "custom_nodes:",
    `  comfyui: ${commit}`,
    "  cnr_custom_nodes: {comfyui_essentials: 1.1.0}",
    "  file_custom_nodes: []",
    "  git_custom_nodes:",
    `    https://github.com/ltdrdata/ComfyUI-Impact-Pack: {disabled: false, hash: ${commit}}`,
    "  pips: {}",
  ];
  const { comfyui, nodes } = readSnapshot(lines.join("\n"), "snapshot.yaml");
  assert.equal(comfyui?.ref, commit);
  assert.equal(nodes.length, 2);
});

test("a snapshot of before the registry, and one without packages, is read as well", () => {
  const { cnr_custom_nodes: _, pips: __, ...old } = snapshot;
  assert.equal(read(old).nodes.length, 2);
  assert.equal(read({ ...old, pips: null, comfyui: null }).comfyui, null);
});

test("a pack's snapshot has models with hash and address, in its first form and in today's", () => {
  const model = {
    filename: "models/checkpoints/a b.safetensors",
    size: 6938040682,
    atime: 1.5,
    disabled: false,
    sha256: "7a".repeat(32),
    source: {
      download_url: "https://huggingface.co/o/r/resolve/11/a b.safetensors?download=true",
      source: "huggingface",
    },
  };
  const first = {
    python: "3.11",
    comfyui: commit,
    models: [model, { ...model, filename: "models/vae/off.safetensors", disabled: true }],
    custom_nodes: [{ url: "https://github.com/bentoml/comfy-pack.git", commit_hash: other, disabled: false }],
  };
  const { python, nodes, models, left } = read(first);
  assert.equal(python, "3.11");
  assert.deepEqual(nodes[0]?.origin, { repository: "https://github.com/bentoml/comfy-pack", ref: other });
  assert.deepEqual(models, [
    {
      folder: "models/checkpoints",
      name: "a b.safetensors",
      url: "https://huggingface.co/o/r/resolve/11/a%20b.safetensors",
      sha256: "7a".repeat(32),
      size: 6938040682,
    },
  ]);
  assert.deepEqual(left, [
    { what: "model models/vae/off.safetensors", reason: "is switched off in the pack" },
  ]);
  assert.equal(read({ ...snapshot, models: [model], python: "3.12" }).nodes.length, 3);
});

test("comfy-lock.yaml: nodes as a snapshot has them, models by path, and of the hashes those that tell a file", () => {
  const text = [
    "basic:",
    "models:",
    "  - model: ae.safetensors",
    "    url: https://huggingface.co/o/r/blob/main/ae.safetensors",
    "    paths: [{path: models/vae}, {path: /workspace/ComfyUI/models/vae/flux/ae.safetensors}]",
    `    hashes: [{hash: 0c7bcf79, type: CRC32}, {hash: ${"AB".repeat(32)}, type: SHA256}]`,
    "  - model: page",
    "    url: https://civitai.com/models/12345?modelVersionId=678",
    "    paths: [{path: models/loras/l.safetensors}]",
    "    hashes: [{hash: ABCDEF0123, type: AutoV2}]",
    "custom_nodes:",
    `  comfyui: ${commit}`,
    "  file_custom_nodes: []",
    "  git_custom_nodes: {}",
  ];
  const { comfyui, models } = readSnapshot(text.join("\n"), "comfy-lock.yaml");
  assert.equal(comfyui?.ref, commit);
  assert.deepEqual(
    models.map(({ folder, name, url, sha256 }) => [`${folder}/${name}`, url, sha256]),
    [
      [
        "models/vae/ae.safetensors",
        "https://huggingface.co/o/r/resolve/main/ae.safetensors",
        "ab".repeat(32),
      ],
      [
        "models/vae/flux/ae.safetensors",
        "https://huggingface.co/o/r/resolve/main/ae.safetensors",
        "ab".repeat(32),
      ],
      ["models/loras/l.safetensors", "https://civitai.com/api/download/models/678", "abcdef0123"],
    ],
  );
});

test("what has a hostile or useless name is left out with its reason", () => {
  const git = (url: string, hash: string | null = commit) => ({ git_custom_nodes: { [url]: { hash } } });
  for (const url of [
    "file:///etc/passwd",
    "/home/me/node",
    "--upload-pack=touch /tmp/x",
    "https://example.org/../../x",
    "https://github.com/a/b c",
    "https://github.com/a/b\u0007",
    "https://github.com/a/`id`",
    "ext::sh -c id",
  ]) {
    assert.match(reasons(git(url)).join(), /is none that an image/, url);
  }
  assert.match(reasons(git("https://github.com/a/b", "main; id")).join(), /no full commit/);
  assert.match(reasons({ cnr_custom_nodes: { "../x": "1.0" } }).join(), /no name and version/);
  assert.match(reasons({ cnr_custom_nodes: { x: "nightly" } }).join(), /no name and version/);
  const models = ["../../etc/passwd", "models/../x/y", "/etc/passwd", "models/vae/a\u0000b", "models/a.bin"];
  for (const filename of models) {
    const { models: found, left } = read({ custom_nodes: [], models: [{ filename }] });
    assert.deepEqual([found.length, left.length], [0, 1], filename);
  }
  // A login in an address is nobody's business.
  assert.deepEqual(read(git("https://me:secret@github.com/a/b")).nodes[0]?.origin, {
    repository: "https://github.com/a/b",
    ref: commit,
  });
});

test("what is no snapshot says so", () => {
  assert.throws(() => readSnapshot("{", "a.json"), /^UserError: a\.json: cannot be read: /);
  assert.throws(() => read({ nodes: [] }), /is no snapshot of ComfyUI-Manager/);
  assert.throws(() => read({ git_custom_nodes: { a: 3 } }), /git_custom_nodes\.a/);
  assert.throws(() => readSnapshot("a: &a [*a", "a.yaml"), /UserError: a\.yaml/);
});
