/** What a builder remembers of its builds: their results, and its own provenance of each. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Home } from "../../home.ts";
import { predicateTypes } from "../../lib/attestation/statement.ts";
import { type Buildctl, buildHistories } from "../services/build-histories.ts";
import { dockerNames } from "../services/docker-services.ts";
import { recallServices } from "../services/record.ts";
import { findBuilder } from "./find-builder.ts";

/** How the builder of a home is asked; undefined for a builder that strata has not made. */
export async function buildctlOf(home: Home): Promise<Buildctl | undefined> {
  const services = await recallServices(home);
  if (services?.builder.kind === "buildkitd")
    return [join(home.bin, "buildctl"), "--addr", services.builder.address];
  return services?.docker && ["docker", "exec", dockerNames(services.docker.clone).builder, "buildctl"];
}

/** How each builder of an update is asked: those that its run has opened ways to, else the one of this home. */
export async function buildctlsOf(home: Home, ways = process.env.STRATA_WAYS): Promise<Buildctl[]> {
  if (!ways) {
    const own = await buildctlOf(home);
    return own ? [own] : [];
  }
  const names = await readdir(join(ways, "buildx", "instances"));
  const found = await Promise.all(names.map((name) => findBuilder(home, name, { STRATA_WAYS: ways })));
  return found.flatMap(({ buildctl }) => (buildctl ? [buildctl] : []));
}

/** Where the provenance of each build lies in the builder, by the digest of the image that it made; the newest build counts. */
export async function provenanceDigests(buildctl: Buildctl): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { digests, attestations } of await buildHistories(buildctl)) {
    const provenance = attestations[predicateTypes.provenance];
    if (provenance) for (const digest of digests) found.set(digest, provenance);
  }
  return found;
}

/**
 * The bytes that a builder holds under a digest, as a stream: a layer may have gigabytes. The digest says whether they are
 * whole: buildctl has been seen to answer in full and then to fail with "context deadline exceeded".
 *
 * @throws Error where it has none
 */
export async function* contentOf([program, ...words]: Buildctl, digest: string): AsyncGenerator<Buffer> {
  const child = spawn(program, [...words, "debug", "get", digest], { stdio: ["ignore", "pipe", "pipe"] });
  const problem = buffer(child.stderr);
  const started = once(child, "spawn");
  const hash = createHash("sha256");
  try {
    await started;
    for await (const chunk of child.stdout) {
      hash.update(chunk as Buffer);
      yield chunk as Buffer;
    }
    if (`sha256:${hash.digest("hex")}` === digest) return;
    throw new Error(`the builder gives no ${digest}: ${(await problem).toString().trim()}`);
  } finally {
    child.kill();
  }
}

/** The same as a document. */
export async function documentOf(buildctl: Buildctl, digest: string): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(buildctl, digest)) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
