/** Images that name the layers of others: nothing is built, and no layer is copied or compressed again. */
import type { Descriptor, ImageConfig } from "./manifest.ts";

/** Layers with what a configuration says of each. */
export interface Layers {
  readonly layers: readonly Descriptor[];
  /** Digests of the unpacked layers, in the same order. */
  readonly diffIds: readonly string[];
}

/** Layers that come on top of others, and what the history calls them. */
export interface NamedLayers {
  readonly name: string;
  readonly image: Layers;
}

/** An image to push: layers, which the registry has already, and a configuration. */
export interface AssembledImage {
  readonly layers: readonly Descriptor[];
  readonly config: object;
}

/** An image's configuration, as far as its layers decide it; all else is kept as it is. */
type Config = Partial<ImageConfig>;

/** The layers of an image that was read. */
export function layersOf({ layers, config }: { readonly config: Config } & Pick<Layers, "layers">): Layers {
  return { layers, diffIds: config.rootfs?.diff_ids ?? [] };
}

/** The highest layer of an image; that of a bulk stage lies on the tools that made it. */
export function topLayer({ layers, diffIds }: Layers): Layers {
  return { layers: layers.slice(-1), diffIds: diffIds.slice(-1) };
}

/** An image of nothing but these layers. */
export function imageOf(parts: readonly NamedLayers[], settings: ImageConfig["config"] = {}): AssembledImage {
  const rootfs = { type: "layers", diff_ids: [] };
  return withLayers(
    { layers: [], config: { architecture: "amd64", os: "linux", config: settings, rootfs } },
    parts,
  );
}

/** `base` with the layers of `parts` on top; each is named in the history, as a build would. */
export function withLayers(
  base: { readonly layers: readonly Descriptor[]; readonly config: Config },
  parts: readonly NamedLayers[],
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

/** What a session is opened in puts on top of others. */
export interface SessionLayers extends Layers {
  /** Where its layers can be had. */
  readonly reference: string;
  readonly environment: readonly string[];
}

/** What a session is opened in. */
export interface SessionImage {
  /** Lowest first. */
  readonly layers: readonly { readonly reference: string; readonly layer: Descriptor }[];
  readonly environment: Readonly<Record<string, string>>;
  /** An OCI image configuration. */
  readonly config: object;
}

/** Puts `parts` on top of each other, the lowest first; `environment` comes beside the lowest one's own variables. */
export function sessionImage(
  parts: readonly SessionLayers[],
  environment: Readonly<Record<string, string>>,
): SessionImage {
  const lowest = (parts[0]?.environment ?? []).map((line) => {
    const end = line.indexOf("=");
    return [line.slice(0, end), line.slice(end + 1)];
  });
  const variables = { ...Object.fromEntries(lowest), ...environment };
  const { config } = imageOf(
    parts.map((part) => ({ name: part.reference, image: part })),
    { Env: Object.entries(variables).map(([name, value]) => `${name}=${value}`) },
  );
  return {
    layers: parts.flatMap(({ reference, layers }) => layers.map((layer) => ({ reference, layer }))),
    environment: variables,
    config,
  };
}
