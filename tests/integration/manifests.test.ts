/** The files that README offers for compose and Kubernetes, read by what reads them elsewhere. */
import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { cache, repository } from "../../home.ts";
import { executables } from "../../tools/toolchain/find.ts";
import { goBuild } from "../../tools/toolchain/go-build.ts";

const folder = join(repository, "docs/examples/run");
const files = globSync("*.yaml", { cwd: folder }).sort();
const scratch = mkdtempSync(join(tmpdir(), "strata-manifests-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const skip =
  executables("go", process.env.PATH ?? "").length === 0 && "there is no Go to build the judge with";
let judge = "";
before(async () => {
  if (skip) return;
  const build = { module: "manifests", package: ".", ldflags: "-s -w" };
  judge = (await goBuild("manifests", "1", build, cache)).path;
});

const judged = (paths: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  execa(judge, paths, { env: environment, extendEnv: false, reject: false });
const given = {
  STRATA_IMAGE: "registry.example.org/strata:starter-cpu",
  STRATA_TOKEN: "a".repeat(32),
  WEB_PASSWORD: "b",
};

test("docker compose and Kubernetes read every file", { skip }, async () => {
  const { exitCode, stdout } = await judged(
    files.map((file) => join(folder, file)),
    given,
  );
  assert.equal(stdout, "");
  assert.equal(exitCode, 0);
  const modelled = await judged([join(folder, "starter.compose.yaml")], { ...given, STRATA_MODEL: "x.gguf" });
  assert.equal(modelled.exitCode, 0, modelled.stdout);
});

test("compose asks for what it needs by name", { skip }, async () => {
  const { exitCode, stdout } = await judged([join(folder, "studio.compose.yaml")], { STRATA_IMAGE: "x" });
  assert.equal(exitCode, 1);
  assert.match(stdout, /STRATA_TOKEN.*a token of 16 characters or more/);
});

/** What each file says, and how it would be said wrongly. */
const faults: readonly (readonly [file: string, right: string, wrong: string, told: RegExp])[] = [
  ["studio.compose.yaml", "shm_size: 2gb", "shm_sise: 2gb", /shm_sise/],
  ["studio.compose.yaml", "- data:/workspace", "- dta:/workspace", /undefined volume dta/],
  ["studio.compose.yaml", "capabilities: [gpu]", "capabilities: gpu", /capabilities/],
  [
    "studio.kubernetes.yaml",
    "enableServiceLinks",
    "enableServicelink",
    /unknown field "spec\.template\.spec\.enableServicelink"/,
  ],
  ["studio.kubernetes.yaml", "runAsUser: 1000", "runAsUser: strata", /runAsUser/],
  ["studio.kubernetes.yaml", "apiVersion: apps/v1", "apiVersion: apps/v2", /apps\/v2/],
  ["studio.kubernetes.yaml", "storage: 200Gi", "storage: 200GiB", /quantities must match/],
];

for (const [file, right, wrong, told] of faults) {
  test(`seen: ${wrong}`, { skip }, async () => {
    const text = readFileSync(join(folder, file), "utf8");
    assert.ok(text.includes(right));
    const path = join(scratch, basename(file));
    writeFileSync(path, text.replace(right, wrong));
    const { exitCode, stdout } = await judged([path], given);
    assert.equal(exitCode, 1);
    assert.match(stdout, told);
  });
}
