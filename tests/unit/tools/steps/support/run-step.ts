/** Runs a step of an update against a registry of the test. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../../home.ts";
import { type FakeRegistry, startFakeRegistry } from "../../../oci/support/fake-registry.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const tar = "application/vnd.oci.image.layer.v1.tar";
export const layer = (text: string) => ({ mediaType: tar, bytes: Buffer.from(text) });
export const sha = (digit: string) => `sha256:${digit.repeat(64)}`;

export async function started(t: TestContext): Promise<FakeRegistry> {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  return registry;
}

export function runStep(t: TestContext, tool: string, env: Record<string, string>, input?: string) {
  const folder = temporaryFolder(t);
  return execa(process.execPath, [`tools/steps/${tool}.ts`], {
    cwd: repository,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
    // No builder is there: whoever asks for one fails.
    env: { STRATA_HOME: folder, DOCKER_CONFIG: join(folder, "none"), PATH: "/nowhere", ...env },
    reject: false,
  });
}

/** A `docker` that has built an image, and notes how it was called. */
export function fakeDocker(
  t: TestContext,
  digest: string,
  records: string,
): { bin: string; calls: () => string[] } {
  const bin = temporaryFolder(t);
  const script = [
    "#!/bin/sh",
    `echo "$*" >>${bin}/calls`,
    "while [ $# -gt 0 ]; do",
    `  if [ "$1" = --metadata-file ]; then echo '{"containerimage.digest": "${digest}"}' >"$2"; fi`,
    `  if [ "$1" = du ]; then printf '${records}'; fi`,
    "  shift",
    "done",
    'echo "#7 1.2 1/1 vae.safetensors: 1 MB of 2 MB"',
    "",
  ].join("\n");
  writeFileSync(join(bin, "docker"), script, { mode: 0o755 });
  return { bin, calls: () => readFileSync(join(bin, "calls"), "utf8").trim().split("\n") };
}
