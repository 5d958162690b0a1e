import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { type RunWish, runWords, shellLine } from "../../../../tools/delivery/run-words.ts";

const local = `127.0.0.1:5000/strata@sha256:${"a".repeat(64)}`;
const configOf = (ports: readonly string[], layers: readonly string[]): RunWish["config"] => ({
  architecture: "amd64",
  os: "linux",
  config: {
    ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])),
    Labels: { "strata.layers": JSON.stringify(layers) },
  },
});
const starter: RunWish = {
  engine: { kind: "docker" },
  reference: local,
  config: configOf(["8080/tcp", "8000/tcp"], ["torch"]),
  gpu: false,
  variables: [],
  more: [],
};
const studio: RunWish = { ...starter, config: configOf(["8188/tcp", "8000/tcp"], ["torch", "comfyui"]) };
const line = (wish: RunWish) => runWords(wish).join(" ");

test("starter: its ports, and what README says with a GPU", () => {
  assert.equal(line(starter), `run --rm -p 8000:8000 -p 8080:8080 ${local}`);
  assert.equal(line({ ...starter, gpu: true }), `run --rm --gpus all -p 8000:8000 -p 8080:8080 ${local}`);
});

test("ComfyUI: the volume as well, unless the words bring one, and a token by its name alone", () => {
  const wish = { ...studio, gpu: true, variables: ["STRATA_TOKEN"] };
  assert.equal(
    line(wish),
    `run --rm --gpus all -p 8000:8000 -p 8188:8188 -v comfyui:/workspace -e STRATA_TOKEN ${local}`,
  );
  const mounts = [
    ["-v", "./mine:/workspace"],
    ["--volume=x:/workspace:rw"],
    ["--mount", "type=volume,src=x,dst=/workspace"],
    ["--tmpfs=/workspace"],
  ];
  for (const more of mounts) assert.doesNotMatch(line({ ...studio, more }), /comfyui:/, more.join(" "));
  for (const more of [
    ["-v", "./x:/workspace/models"],
    ["-e", "A=/workspace2"],
  ])
    assert.match(line({ ...studio, more }), /-v comfyui:\/workspace /, more.join(" "));
});

test("podman: its own words for GPUs, and for a registry without TLS on this machine", () => {
  const podman: RunWish = { ...studio, engine: { kind: "podman" }, gpu: true };
  assert.match(
    line(podman),
    /^run --rm --tls-verify=false --device nvidia\.com\/gpu=all --security-opt label=disable -p /,
  );
  assert.doesNotMatch(line({ ...podman, reference: "ghcr.io/me/strata:x" }), /tls/);
});

test("SSH's port is published by another number, as a machine has its own SSH there", () => {
  const config = configOf(["22/tcp", "1111/tcp"], []);
  assert.equal(line({ ...starter, config }), `run --rm -p 2222:22 -p 1111:1111 ${local}`);
});

test("an image that says nothing is run without anything; ports of other protocols are not published", () => {
  const config = { architecture: "amd64", os: "linux", config: null };
  assert.equal(line({ ...starter, config }), `run --rm ${local}`);
  assert.equal(line({ ...starter, config: configOf(["53/udp", "80"], []) }), `run --rm -p 80:80 ${local}`);
});

test("README's commands are these", () => {
  const readme = readFileSync(join(repository, "README.md"), "utf8");
  const known = [
    `docker run --rm -p 8080:8080 -p 8000:8000 <reference>`,
    `docker run --rm --gpus all -p 8188:8188 -p 8000:8000 -v comfyui:/workspace -e STRATA_TOKEN="$token" <reference>`,
  ];
  for (const command of known) assert.ok(readme.includes(command), command);
  // The same words; order and the token's value aside.
  const words = (text: string) => text.replaceAll('="$token"', "").split(" ").toSorted();
  const ours = (wish: RunWish) => ["docker", ...runWords(wish).with(-1, "<reference>")].toSorted();
  assert.deepEqual(ours(starter), words(known[0] ?? ""));
  assert.deepEqual(ours({ ...studio, gpu: true, variables: ["STRATA_TOKEN"] }), words(known[1] ?? ""));
});

test("the line that is printed does the same in a shell", () => {
  const words = ["printf", "%s\\n", "a b", "it's", "$HOME", "", "x=1"];
  const out = execFileSync("sh", ["-c", shellLine(words)], { encoding: "utf8" });
  assert.equal(out, "a b\nit's\n$HOME\n\nx=1\n");
});
