/** A layer's descriptor, as a manifest has it. */
interface LayerDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [more: string]: unknown;
}

/** What is read of an image that is put on top of others. */
export interface SessionLayers {
  /** Where its layers can be had. */
  readonly reference: string;
  readonly layers: readonly LayerDescriptor[];
  /** Digests of the unpacked layers, in the same order. */
  readonly diffIds: readonly string[];
  readonly environment: readonly string[];
}

/** Images on top of each other, without building anything: their layers are in the registry already. */
export interface SessionImage {
  /** Lowest first. */
  readonly layers: readonly { readonly reference: string; readonly layer: LayerDescriptor }[];
  readonly environment: Readonly<Record<string, string>>;
  /** An OCI image configuration. */
  readonly config: object;
}

/** Puts `parts` on top of each other, the lowest first; `environment` comes beside the lowest one's own variables. */
export function joinImages(
  parts: readonly SessionLayers[],
  environment: Readonly<Record<string, string>>,
): SessionImage {
  const own = (parts[0]?.environment ?? []).map((line) => {
    const end = line.indexOf("=");
    return [line.slice(0, end), line.slice(end + 1)];
  });
  const variables = { ...Object.fromEntries(own), ...environment };
  return {
    layers: parts.flatMap(({ reference, layers }) => layers.map((layer) => ({ reference, layer }))),
    environment: variables,
    config: {
      architecture: "amd64",
      os: "linux",
      config: { Env: Object.entries(variables).map(([name, value]) => `${name}=${value}`) },
      rootfs: { type: "layers", diff_ids: parts.flatMap(({ diffIds }) => diffIds) },
    },
  };
}
