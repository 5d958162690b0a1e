/** An image's configuration, as far as its layers decide it; all else is kept as it is. */
interface Config {
  readonly rootfs?: { readonly diff_ids: readonly string[]; readonly [more: string]: unknown } | undefined;
  readonly history?: readonly object[] | null | undefined;
  readonly [more: string]: unknown;
}

interface LayerDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [more: string]: unknown;
}

/** Layers with what a configuration says of each. */
export interface Layers {
  readonly layers: readonly LayerDescriptor[];
  /** Digests of the unpacked layers, in the same order. */
  readonly diffIds: readonly string[];
}

/** An image to push: layers, which the registry has already, and a configuration. */
export interface AssembledImage {
  readonly layers: readonly LayerDescriptor[];
  readonly config: object;
}

/** The highest layer of an image; that of a bulk stage lies on the tools that made it. */
export function topLayer({ layers, diffIds }: Layers): Layers {
  return { layers: layers.slice(-1), diffIds: diffIds.slice(-1) };
}

/** An image of nothing but these layers. */
export function imageOf(parts: readonly { readonly name: string; readonly image: Layers }[]): AssembledImage {
  return withLayers(
    {
      layers: [],
      config: { architecture: "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [] } },
    },
    parts,
  );
}

/** `base` with the layers of `parts` on top; each is named in the history, as a build would. */
export function withLayers(
  base: { readonly layers: readonly LayerDescriptor[]; readonly config: Config },
  parts: readonly { readonly name: string; readonly image: Layers }[],
): AssembledImage {
  const { rootfs, history } = base.config;
  return {
    layers: [...base.layers, ...parts.flatMap(({ image }) => image.layers)],
    config: {
      ...base.config,
      rootfs: {
        ...(rootfs ?? { type: "layers" }),
        diff_ids: [...(rootfs?.diff_ids ?? []), ...parts.flatMap(({ image }) => image.diffIds)],
      },
      history: [
        ...(history ?? []),
        ...parts.flatMap(({ name, image }) => image.layers.map(() => ({ created_by: `strata: ${name}` }))),
      ],
    },
  };
}
