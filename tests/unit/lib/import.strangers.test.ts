/** What strangers wrote: any bytes give an inventory or an error of the user, soon, and nothing unsafe. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { strToU8, zipSync } from "fflate";
import { UserError } from "../../../errors.ts";
import { readPack } from "../../../lib/import/comfy-pack.ts";
import { readGitFiles } from "../../../lib/import/git-files.ts";
import type { Inventory } from "../../../lib/import/inventory.ts";
import { readSnapshot } from "../../../lib/import/snapshot.ts";
import { isDockerfile, readWorkerDockerfile } from "../../../lib/import/worker-dockerfile.ts";

/** The parts of what is dangerous somewhere. */
const piece = fc.constantFrom(
  ..."https://github.com/ /a/b .. ../ / \\ ; && | ` $( ) { } ' \" # \n \r \0 \u0007 \u202E -- - = @ : % %zz models/ custom_nodes/".split(
    " ",
  ),
  ...[
    "--upload-pack=x",
    "file:///",
    "git@h:",
    "ext::",
    "main",
    "1.0",
    "4ac401af2b3962f7a669a6757a804f7773833c47",
    "é",
    "<<EOF\n",
    "EOF\n",
    "*/",
  ],
);
const word = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));

function check(read: () => Inventory): void {
  let inventory: Inventory;
  try {
    inventory = read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return;
  }
  const { nodes, models, packages, installed, left, comfyui } = inventory;
  for (const pin of [comfyui, ...nodes.map(({ origin }) => origin)]) {
    if (pin === null) continue;
    if ("registry" in pin) assert.match(pin.registry, /^[A-Za-z0-9][\w.-]*$/);
    else assert.match(pin.repository, /^https:\/\/[A-Za-z0-9.:-]+(\/[A-Za-z0-9_~][\w.~-]*){2,}$/);
    if ("ref" in pin && pin.ref !== null) assert.match(pin.ref, /^\w[\w./+-]*$/);
  }
  for (const { folder } of nodes)
    assert.ok(folder === null || /^\w[^/\\\p{Cc}]*$/u.test(folder), `${folder}`);
  for (const { folder, name } of models) {
    assert.match(`${folder}/${name}`, /^(models|custom_nodes)\/[^\\\p{Cc}]+$/u);
    assert.ok(!`${folder}/${name}`.split("/").includes(".."));
  }
  for (const line of [...packages, ...installed]) assert.match(line, /^[A-Za-z0-9][^\p{Cc}]*$/u);
  for (const { what, reason } of left) assert.doesNotMatch(what + reason, /[\p{Cc}\u202E]/u);
}

test("snapshots, locks and packs of any words", () => {
  const models = fc.array(
    fc.record({ filename: word, sha256: word, source: fc.record({ download_url: word }) }),
  );
  const snapshot = fc.record({
    comfyui: fc.option(word),
    git_custom_nodes: fc.dictionary(word, fc.record({ hash: word, disabled: fc.boolean() })),
    cnr_custom_nodes: fc.dictionary(word, word),
    file_custom_nodes: fc.array(fc.record({ filename: word })),
    pips: fc.dictionary(word, word),
    models,
  });
  fc.assert(
    fc.property(fc.oneof(snapshot, fc.json({ maxDepth: 3 })), word, (value, text) => {
      const json = typeof value === "string" ? value : JSON.stringify(value);
      check(() => readSnapshot(json, "a.json"));
      check(() => readSnapshot(`custom_nodes: ${json}\nmodels: [{url: ${JSON.stringify(text)}}]`, "a.yaml"));
      check(() =>
        readPack(zipSync({ "snapshot.json": strToU8(json), "requirements.txt": strToU8(text) }), "a.zip"),
      );
    }),
    { numRuns: 300 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => check(() => readPack(bytes, "a.zip"))));
});

test("Dockerfiles of any words", () => {
  const start = fc.constantFrom(
    ..."RUN,RUN comfy-node-install,RUN git clone,RUN cd /comfyui/custom_nodes && git clone,RUN pip install,RUN comfy model download --url".split(
      ",",
    ),
    ...[
      "RUN wget -O /comfyui/models/",
      "COPY",
      "ADD https://h/",
      "WORKDIR",
      "ENV",
      "ARG",
      "FROM",
      "RUN [",
      "RUN git -C /x checkout",
      "#",
    ],
  );
  const line = fc
    .tuple(start, fc.array(word, { maxLength: 4 }))
    .map(([head, words]) => `${head} ${words.join(" ")}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const text = ["FROM runpod/worker-comfyui:5.1.0-base", ...lines].join("\n");
      check(() => readWorkerDockerfile(text, "Dockerfile"));
    }),
    { numRuns: 400 },
  );
});

test("files of git of any words", () => {
  fc.assert(
    fc.property(word, word, word, (head, url, packedRefs) => {
      const config = `[remote "origin"]\n url = ${url}\n`;
      const found = readGitFiles({ head, config, packedRefs, ref: () => head });
      if ("problem" in found) assert.doesNotMatch(found.problem, /[\p{Cc}]/u);
      else assert.match(found.ref ?? "", /^[0-9a-f]{40}$/);
    }),
  );
});

test("a long file takes no longer than a short one, byte for byte", () => {
  const started = performance.now();
  assert.equal(isDockerfile("\n".repeat(1 << 19)), false);
  assert.equal(isDockerfile(`FROM a\n${"x".repeat(1 << 21)}`), false);
  const command = `RUN comfy-node-install ${"a ".repeat(20_000)}`;
  check(() => readWorkerDockerfile(`FROM runpod/worker-comfyui:1\n${command}`, "Dockerfile"));
  check(() =>
    readWorkerDockerfile(`FROM runpod/worker-comfyui:1\nRUN ${"\\ ".repeat(50_000)}`, "Dockerfile"),
  );
  check(() => readSnapshot(JSON.stringify({ cnr_custom_nodes: { ["a".repeat(1 << 20)]: "1" } }), "a.json"));
  const path = `models/${"a/".repeat(50_000)}`;
  check(() => readSnapshot(JSON.stringify({ custom_nodes: [], models: [{ filename: path }] }), "a.json"));
  assert.ok(performance.now() - started < 20_000, `${performance.now() - started} ms`);
});
