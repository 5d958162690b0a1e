import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { type Home, repository } from "../../home.ts";
import { servedBase } from "../../lib/builders/served-base.ts";
import { type ImageLock, type LockedImage, parseImageLock } from "../../lib/locks/image-lock.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { didYouMean } from "../../lib/schema-errors.ts";
import { Transport } from "../../oci/access/transport.ts";
import { imageExists } from "../../oci/read/image.ts";
import { copyImage } from "../../oci/write/copy.ts";
import { UNSAID } from "../../oci/write/put.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { withLogin } from "../builder/docker-login.ts";
import { recall, writeJson } from "../program/files.ts";
import { note, withProgress } from "../program/progress.ts";
import type { Services } from "../services/record.ts";
import { reachable } from "../toolchain/reach.ts";
import { ensureTools } from "../toolchain/toolchain.ts";
import { baseContext, committedPackages, forgetPackages, isMadeOf } from "./local-packages.ts";
import { pushBase } from "./push-base.ts";

/** `<home>/images.json`: the images that were made here, by their name in `locks/images.json`. */
export const localImagesSchema = z.record(z.string(), z.string());

/** What the plan may build from: an image by digest, and whether it was made here. */
export interface PreparedBaseImage {
  readonly reference: string;
  readonly local: boolean;
}

/**
 * Makes sure that the builder can get the base image called `name`. Where the registry of its reference cannot be
 * reached, a substitute is made with mmdebstrap of the locked packages and pushed to the local registry; it stays in use
 * until it is gone from there or the lock moves, since another base rebuilds everything.
 */
export async function ensureBaseImage(
  home: Home,
  services: Services,
  name: string,
): Promise<PreparedBaseImage> {
  const image = await lockedImage(name);
  const made = (await recall(home.images, localImagesSchema)) ?? {};
  const localReference = made[name];
  const committed = await committedPackages(name);
  if (
    (await isMadeOf(home, name, committed)) &&
    localReference?.startsWith(`${services.registry.address}/`) &&
    (await imageExists(localReference, new Transport({ logins: home.logins })))
  ) {
    note(`base image: ${localReference}, made here earlier`);
    return { reference: localReference, local: true };
  }
  if (await reachable(registryUrl(image.reference))) {
    if (localReference) {
      delete made[name];
      await writeJson(home.images, made);
      await forgetPackages(home, name);
    }
    const reference = `${image.reference}@${image.digest}`;
    note(`base image: ${reference}`);
    return { reference, local: false };
  }
  const reference = await makeLocally(home, services, name, image, committed);
  await writeJson(home.images, { ...made, [name]: reference });
  note(
    `base image: ${reference}, made here with mmdebstrap, as ${registryHost(image.reference)} cannot be reached`,
  );
  return { reference, local: true };
}

/**
 * Makes sure that a builder elsewhere can get the base image of a stack. One that was made here is copied from the local
 * registry to the stack's.
 */
export async function serveBaseImage(
  home: Home,
  config: Pick<Config, "base" | "registry" | "builder" | "builders">,
): Promise<void> {
  const { base: name } = config;
  const image = await lockedImage(name);
  const made = (await recall(home.images, localImagesSchema))?.[name];
  if (made !== undefined) {
    const served = servedBase(made, config, registryAddress(home.services));
    if (served === made) return;
    const transport = new Transport({ logins: home.logins });
    if (await imageExists(served, transport, UNSAID)) return;
    await copyImage(made, served, transport);
    await tagManifest(served, `base-${name}`, transport);
    note(`base image: ${served}, a copy of the one that was made here`);
    return;
  }
  if (await reachable(registryUrl(image.reference))) return;
  throw new UserError(
    `base image "${name}"`,
    `${registryHost(image.reference)} cannot be reached, and nothing here makes another one for a builder elsewhere.`,
    "Open the way to that registry; or `make up` once with strata:builder: {kind: local}, which makes one.",
  );
}

async function readImageLock(): Promise<ImageLock> {
  return parseImageLock(await readFile(join(repository, "locks", "images.json"), "utf8"));
}

async function lockedImage(name: string): Promise<LockedImage> {
  const lock = await readImageLock();
  const image = lock[name];
  if (image) return image;
  const names = Object.keys(lock);
  const remedy = didYouMean(name, names) || "Add it to locks/images.json, with its digest.";
  throw new UserError("strata:base", `expected one of ${names.join(", ")}, got "${name}".`, remedy);
}

async function makeLocally(
  home: Home,
  services: Services,
  name: string,
  image: LockedImage,
  committed: string,
): Promise<string> {
  const { suite } = image;
  if (!suite) throw cannotBeMade(name, image, await readImageLock());
  const { mmdebstrap, buildctl } = await ensureTools(home, ["mmdebstrap"], true);
  if (!mmdebstrap) throw new Error("mmdebstrap is not resolved");
  return await withProgress(`Making the base image ${name} with mmdebstrap`, async (say) => {
    const context = await baseContext(home, mmdebstrap, { name, suite, committed }, say);
    say("pushing");
    const target = `${services.registry.address}/strata/base`;
    const output = `type=image,name=${target}:${name},push=true,oci-mediatypes=true,compression=zstd,force-compression=true`;
    const folder = await mkdtemp(join(tmpdir(), "strata-base-"));
    const metadata = join(folder, "metadata.json");
    try {
      const made = { buildctl: buildctl?.path, context, metadata, output };
      await withLogin(home, services.registry.address, (login) =>
        pushBase(home, services.builder, { ...made, login }),
      );
      const { "containerimage.digest": digest } = JSON.parse(await readFile(metadata, "utf8"));
      return `${target}@${digest}`;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** Names what can be had instead, with the Python that goes with it. */
export function cannotBeMade(name: string, { reference }: LockedImage, lock: ImageLock): UserError {
  const others = Object.entries(lock)
    .filter(([, { suite }]) => suite)
    .map(([other, { python }]) => `strata:base: ${other} with strata:python: "${python}"`);
  return new UserError(
    `base image "${name}"`,
    `${registryHost(reference)} cannot be reached, and only Debian can be made without it.`,
    `Open the way to that registry, or choose in Pulumi.<stack>.yaml: ${others.join(", or ")}.`,
  );
}

function registryHost(reference: string): string {
  return reference.split("/")[0] ?? reference;
}

/** The address to knock at; docker.io's registry lives under another name. */
export function registryUrl(reference: string): string {
  const host = registryHost(reference);
  return `https://${host === "docker.io" ? "registry-1.docker.io" : host}/v2/`;
}
