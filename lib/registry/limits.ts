import { UserError } from "../../errors.ts";
import type { RegistrySetting } from "./registry-setting.ts";

/** Whose limits there are: each kind of registry. */
export type RegistryKind = RegistrySetting["kind"];

/** What a registry does not take. */
export interface RegistryLimits {
  /** As it is called to the user. */
  readonly title: string;
  /** Most bytes of one layer as stored; null where no limit is published. */
  readonly layerBytes: number | null;
  /** Seconds after which it ends one upload; null where no limit is published. */
  readonly uploadSeconds: number | null;
}

/** Published limits. A layer that is larger fails at the end of its upload, so it is refused in the preview. */
export const registryLimits: { readonly [kind in RegistryKind]: RegistryLimits } = {
  local: { title: "the local registry", layerBytes: null, uploadSeconds: null },
  // "10 GB size limit for each layer", "10 minute timeout limit for uploads": docs.github.com, Working with the
  // Container registry, Troubleshooting. GB may mean either unit there; the smaller one is safe.
  ghcr: { title: "GHCR", layerBytes: 10e9, uploadSeconds: 600 },
  // "Maximum layer size: 52,000 MiB": docs.aws.amazon.com, Amazon ECR service quotas.
  ecr: { title: "ECR", layerBytes: 52_000 * 2 ** 20, uploadSeconds: null },
  // None is published, and people push layers over 10 GB.
  "docker-hub": { title: "Docker Hub", layerBytes: null, uploadSeconds: null },
  // Its operator knows.
  oci: { title: "a registry of your own", layerBytes: null, uploadSeconds: null },
};
export const registryKinds = Object.keys(registryLimits) as RegistryKind[];

/** Whose limits hold for a registry of a stack: its address tells, whatever kind it was configured as. */
export function limitsKind(setting: RegistrySetting): RegistryKind {
  return setting.kind === "oci" ? kindOf(setting.address) : setting.kind;
}

/** What a registry is by its address, host or host:port; `oci` for one that is nobody's in particular. */
export function kindOf(address: string): Exclude<RegistryKind, "local"> {
  const host = address.replace(/:\d+$/, "");
  if (host === "ghcr.io") return "ghcr";
  if (/(^|\.)docker\.io$/.test(host)) return "docker-hub";
  return /\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/.test(host) ? "ecr" : "oci";
}

/** A layer of which the size is known or expected. */
export interface SizedLayer {
  /** As it is called to the user: a stage, a model's path. */
  readonly name: string;
  /** As stored. */
  readonly bytes: number;
}

/** Bytes a second that an upload of a layer needs to end in time; null where the registry waits. */
export function slowestUpload({ bytes }: Pick<SizedLayer, "bytes">, kind: RegistryKind): number | null {
  const { uploadSeconds } = registryLimits[kind];
  return uploadSeconds === null ? null : bytes / uploadSeconds;
}

/** The layers that a registry would refuse. */
export function oversized<T extends SizedLayer>(layers: readonly T[], kind: RegistryKind): T[] {
  const { layerBytes } = registryLimits[kind];
  return layerBytes === null ? [] : layers.filter(({ bytes }) => bytes > layerBytes);
}

/**
 * Errors for layers that do not fit into the registries of a stack, its copies included.
 *
 * @param remedy the sentence that says what can be done, which is given "push to another registry" with those that
 * would take the layer
 */
export function layerProblems(
  layers: readonly SizedLayer[],
  kinds: readonly RegistryKind[],
  remedy: (otherRegistry: string) => string,
): UserError[] {
  return [...new Set(kinds)].flatMap((kind) =>
    oversized(layers, kind).map(({ name, bytes }) => {
      const { title, layerBytes } = registryLimits[kind];
      const others = registryKinds
        .filter((other) => oversized([{ name, bytes }], other).length === 0)
        .map((other) => registryLimits[other].title);
      return new UserError(
        name,
        `makes a layer of ${gigabytes(bytes)}, and ${title} takes layers up to ${gigabytes(layerBytes ?? 0)}.`,
        remedy(`push to another registry (${others.join(", ")})`),
      );
    }),
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
