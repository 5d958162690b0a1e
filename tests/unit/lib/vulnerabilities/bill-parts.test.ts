import assert from "node:assert/strict";
import { test } from "node:test";
import type { Component } from "../../../../lib/bill/component.ts";
import { debianPurl, gitPurl, goPurl, programPurl, pypiPurl } from "../../../../lib/bill/purl.ts";
import { spdxDocument } from "../../../../lib/bill/spdx-document.ts";
import { partsOfDocument, partsOfPlan } from "../../../../lib/vulnerabilities/bill-parts.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const component = (kind: Component["kind"], name: string, purl: string, more: Partial<Component> = {}) =>
  ({ kind, name, version: "1", purl, stage: "one", ...more }) satisfies Component;
const questionsOf = (components: Component[], parents = ["one"]) =>
  partsOfPlan({ components, product: { parents } }).map(({ question }) => question);

const debian = (name: string, version: string, distro: string, source?: string) =>
  component(
    "own",
    name,
    debianPurl(
      { name, version, architecture: "amd64", source },
      { id: distro.split("-")[0] ?? "", version: distro.split("-")[1] ?? "" },
    ),
  );

test("each kind of part asks what OSV understands", () => {
  assert.deepEqual(
    questionsOf([
      component("wheel", "torch", pypiPurl("torch", "2.12.0+cu130", { download_url: "https://x/y.whl" })),
      component("source", "node", gitPurl("https://github.com/Owner/Name.git", commit)),
      component("source", "other", gitPurl("https://git.example/a/b", commit)),
      component("compiled", "caddy", goPurl("github.com/caddyserver/caddy/v2", "v2.11.4")),
      debian("libssl3", "3.0.1-1", "debian-12", "openssl"),
      debian("gcc-12-base", "12.2.0-14", "debian-12", "gcc-12@12.2.0-13"),
      debian("bash", "5.2", "ubuntu-24.04"),
      debian("bash", "5.3", "ubuntu-25.10"),
    ]),
    [
      { kind: "package", ecosystem: "PyPI", name: "torch", version: "2.12.0", purl: "pkg:pypi/torch@2.12.0" },
      { kind: "commit", name: "owner/name", commit },
      { kind: "commit", name: "b", commit },
      { kind: "package", ecosystem: "Go", name: "github.com/caddyserver/caddy/v2", version: "2.11.4" },
      { kind: "package", ecosystem: "Debian:12", name: "openssl", version: "3.0.1-1" },
      { kind: "package", ecosystem: "Debian:12", name: "gcc-12", version: "12.2.0-13" },
      { kind: "package", ecosystem: "Ubuntu:24.04:LTS", name: "bash", version: "5.2" },
      { kind: "package", ecosystem: "Ubuntu:25.10", name: "bash", version: "5.3" },
    ],
  );
});

test("what OSV would refuse, with all that is asked beside it, is not asked", () => {
  assert.deepEqual(
    questionsOf([
      debian("bash", "5.2", "debian-unknown"),
      debian("bash", "5.2", "arch-1"),
      component("source", "node", gitPurl("https://github.com/a/b", "main")),
      component("own", "backend", programPurl("backend", "1")),
      component("file", "model", "pkg:huggingface/a/b@1"),
      component("file", "broken", "no purl"),
    ]),
    [null, null, null, null, null, null],
  );
});

test("tools and stages beside the product are no parts; what a program was compiled from is one", () => {
  const compiled = component("compiled", "llama", pypiPurl("llama-cpp-python", "0.3"), {
    source: { purl: gitPurl("https://github.com/ggml-org/llama.cpp", commit) },
  });
  const parts = [
    compiled,
    component("tool", "cmake", pypiPurl("cmake", "4")),
    { ...compiled, name: "b", stage: "two" },
  ];
  assert.deepEqual(
    partsOfPlan({ components: parts, product: { parents: ["one"] } }).map(({ name }) => name),
    ["llama", "llama-source"],
  );
  assert.deepEqual(partsOfPlan({ product: { parents: ["one"] } }), []);
});

test("a bill of materials gives the same parts as the plan that it is of, and the distribution's", () => {
  const components = [
    component("wheel", "torch", pypiPurl("torch", "2.12.0"), { version: "2.12.0" }),
    component("tool", "cmake", pypiPurl("cmake", "4")),
    component("compiled", "llama", pypiPurl("llama-cpp-python", "0.3"), {
      version: "0.3",
      source: { purl: gitPurl("https://github.com/ggml-org/llama.cpp", commit) },
    }),
  ];
  const nothing = { distro: undefined, packages: [], wheels: {}, folders: {} };
  const document = spdxDocument({
    digest: `sha256:${"a".repeat(64)}`,
    bill: {
      recipe: "r",
      generation: "cpu",
      source: null,
      revision: null,
      created: "2026-01-01T00:00:00Z",
      base: { name: "debian", digest: `sha256:${"b".repeat(64)}` },
      stages: [],
      key: "k",
      inProduct: ["one"],
      components,
      materials: {},
    },
    contents: {
      ...nothing,
      distro: { id: "debian", version: "12" },
      packages: [
        { name: "libssl3", version: "3.0.1-1", architecture: "amd64", source: "openssl", licence: undefined },
      ],
    },
    tools: {
      ...nothing,
      packages: [{ name: "gcc", version: "12", architecture: "amd64", licence: undefined }],
    },
  });
  const asked = partsOfDocument(document).map(({ question }) => question);
  const planned = questionsOf(components);
  assert.deepEqual(asked.slice(1), planned);
  assert.deepEqual(asked[0], {
    kind: "package",
    ecosystem: "Debian:12",
    name: "openssl",
    version: "3.0.1-1",
  });
});
