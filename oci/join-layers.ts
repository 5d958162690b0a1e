/** Images that name the layers of others: nothing is built, and no layer is copied or compressed again. */
import type { ProductSettings } from "../lib/registry/product-settings.ts";
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

/** The layers of an image that was read, without what an exporter notes beside them. */
export function layersOf({ layers, config }: { readonly config: Config } & Pick<Layers, "layers">): Layers {
  return {
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    diffIds: config.rootfs?.diff_ids ?? [],
  };
}

/** An instruction that adds files to an image and takes none away, as BuildKit notes it in the history. */
const adds = /^(COPY|ADD) .* # buildkit$/s;

/**
 * Whether an image's layers are the same on top of others as they are by themselves: one layer has nothing to hide, and
 * several have not where each only added. What a step left may hide files that lie below it, those of others too.
 */
export function standsAlone({
  layers,
  config,
}: { readonly config: Config } & Pick<Layers, "layers">): boolean {
  if (layers.length < 2) return true;
  const steps = (config.history ?? []).filter(({ empty_layer }) => !empty_layer);
  return steps.length === layers.length && steps.every(({ created_by = "" }) => adds.test(created_by));
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

/** `base` with the layers of `parts` on top; each is named in the history, as a build would. @param created ISO time of these entries */
export function withLayers(
  base: { readonly layers: readonly Descriptor[]; readonly config: Config },
  parts: readonly NamedLayers[],
  created?: string,
): { readonly layers: readonly Descriptor[]; readonly config: Config } {
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
        ...parts.flatMap(({ name, image }) =>
          image.layers.map(() => ({
            ...(created === undefined ? {} : { created }),
            created_by: `strata: ${name}`,
          })),
        ),
      ],
    },
  };
}

const NANOSECONDS = 1e9;

/** A configuration with a product's settings, as the instructions of a Dockerfile would set them on top of it. */
export function withSettings(base: Config, settings: ProductSettings): Config {
  const { created, labels, environment, ports, healthcheck, user, entrypoint } = settings;
  // What the image below would run is no argument of another entrypoint.
  const { Cmd: _, ...below } = base.config ?? {};
  const Env = withVariables(below.Env ?? [], environment);
  const Healthcheck = {
    Test: ["CMD", ...healthcheck.command],
    Interval: healthcheck.intervalSeconds * NANOSECONDS,
    Timeout: healthcheck.timeoutSeconds * NANOSECONDS,
    StartPeriod: healthcheck.startPeriodSeconds * NANOSECONDS,
  };
  const ExposedPorts = Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}]));
  const lines = [
    ...Object.entries(labels).map(([name, value]) => `LABEL ${name}=${value}`),
    ...Object.entries(environment).map(([name, value]) => `ENV ${name}=${value}`),
    ...Object.keys(ExposedPorts).map((port) => `EXPOSE ${port}`),
    `HEALTHCHECK CMD ${JSON.stringify(healthcheck.command)}`,
    `USER ${user}`,
    `ENTRYPOINT ${JSON.stringify(entrypoint)}`,
  ];
  return {
    ...base,
    created,
    config: {
      ...below,
      User: user,
      ExposedPorts: { ...below.ExposedPorts, ...ExposedPorts },
      Env,
      Entrypoint: entrypoint,
      Labels: { ...below.Labels, ...labels },
      Healthcheck,
    },
    history: [
      ...(base.history ?? []),
      ...lines.map((created_by) => ({ created, created_by, empty_layer: true })),
    ],
  };
}

/** Variables beside others; one that is there keeps its place. */
function withVariables(former: readonly string[], more: Readonly<Record<string, string>>): string[] {
  const nameOf = (line: string) => line.split("=", 1)[0] ?? "";
  const kept = former.map((line) => {
    const name = nameOf(line);
    return Object.hasOwn(more, name) ? `${name}=${more[name]}` : line;
  });
  const known = former.map(nameOf);
  const added = Object.entries(more).filter(([name]) => !known.includes(name));
  return [...kept, ...added.map(([name, value]) => `${name}=${value}`)];
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
