export const registryKinds = ["local", "ghcr", "ecr", "docker-hub"] as const;
export type RegistryKind = (typeof registryKinds)[number];

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
};
