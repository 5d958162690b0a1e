import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Home } from "../../home.ts";
import { buildxEnvironment } from "../program/environment.ts";
import { recall } from "../program/files.ts";
import type { Buildctl } from "../services/build-histories.ts";
import { recallServices } from "../services/record.ts";

/** Which client speaks to a builder, and how it finds it: buildctl at an address, else buildx by the builder's name. */
export interface FoundBuilder {
  /** `buildctl` with the words that lead to the builder. */
  readonly buildctl: Buildctl | undefined;
  /** What buildx needs to know it. */
  readonly buildx: Readonly<Record<string, string>>;
}

/** What buildx writes of a builder; of one that is reached by an address, all that it takes. */
const instanceSchema = z.object({
  Driver: z.string(),
  Nodes: z
    .array(
      z.object({ Endpoint: z.string(), DriverOpts: z.record(z.string(), z.string()).nullish().default({}) }),
    )
    .default([]),
});

/**
 * The builder called `name`: as the run has it that opened the ways, else the one of `make up`; any other is the user's own,
 * and buildx has to know it.
 */
export async function findBuilder(
  home: Home,
  name: string,
  { STRATA_WAYS: ways }: Readonly<Record<string, string | undefined>> = process.env,
): Promise<FoundBuilder> {
  const buildctl = join(home.bin, "buildctl");
  const own = buildxEnvironment(home).BUILDX_CONFIG;
  for (const folder of [...(ways ? [join(ways, "buildx")] : []), own]) {
    const instance = await recall(join(folder, "instances", name), instanceSchema);
    if (!instance) continue;
    const words = existsSync(buildctl) ? wordsFor(instance) : undefined;
    return words
      ? { buildctl: [buildctl, ...words], buildx: {} }
      : { buildctl: undefined, buildx: { BUILDX_CONFIG: folder } };
  }
  const builder = (await recallServices(home))?.builder;
  return {
    buildctl: builder?.kind === "buildkitd" ? [buildctl, "--addr", builder.address] : undefined,
    buildx: builder?.kind === "docker" ? buildxEnvironment(home) : {},
  };
}

/** How buildctl reaches what buildx knows by its driver `remote`. */
function wordsFor({ Driver, Nodes }: z.infer<typeof instanceSchema>): string[] | undefined {
  const [node] = Nodes;
  if (Driver !== "remote" || !node || !/^(tcp|unix):/.test(node.Endpoint)) return undefined;
  const { cacert, cert, key, servername } = node.DriverOpts ?? {};
  const tls = { tlscacert: cacert, tlscert: cert, tlskey: key, tlsservername: servername };
  const given = Object.entries(tls).flatMap(([option, value]) => (value ? [`--${option}`, value] : []));
  return ["--addr", node.Endpoint, ...given];
}
