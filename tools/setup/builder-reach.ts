import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { throwAll, UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { isFar, isRented, stackBuilders } from "../../lib/builders/builder-setting.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { findBuilder } from "../builder/find-builder.ts";
import { attempt } from "../program/exec.ts";

/** Milliseconds that a builder may take to ask: BuildKit itself tries again and again. */
const LIMIT_MS = 30_000;

/** What a builder needs to get at, and how a Dockerfile asks for it; what it asks for need not be there. */
interface Place {
  readonly path: string;
  readonly address: string;
  readonly dockerfile: string;
}

/**
 * Asks each builder elsewhere whether it gets at the stack's registry and mirrors, before anything is built. That a place
 * answers is enough: also that it wants a login, or has no such thing.
 *
 * @param environment in which the ways are open
 */
export async function requireReach(
  home: Home,
  config: Pick<Config, "registry" | "mirrors" | "builder" | "builders">,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { default: ordinary, heavy } = stackBuilders(config);
  const far = [...new Set([ordinary, heavy])].filter(({ setting }) => isFar(setting) && !isRented(setting));
  const names = far.flatMap((builder) => builder.names.map((name) => ({ name, path: builder.path })));
  const asked = names.flatMap(({ name, path }) =>
    placesOf(config).map(async (place) => {
      const problem = await problemFrom(home, name, place, environment);
      if (problem === undefined) return [];
      return [
        new UserError(
          place.path,
          `${place.address} cannot be reached from the builder of ${path}: ${problem}.`,
          "Open the way from there, or have the builder trust it (docs/builders.md#remote).",
        ),
      ];
    }),
  );
  throwAll("Builders that do not get at what they need", (await Promise.all(asked)).flat());
}

function placesOf({ registry, mirrors }: Pick<Config, "registry" | "mirrors">): Place[] {
  const repository = imageRepository(registry, "");
  return [
    { path: "strata:registry", address: repository, dockerfile: `FROM ${repository}:strata-asks\n` },
    ...Object.values(mirrors)
      .filter((address) => /^https?:/.test(address))
      .map((address) => ({
        path: "strata:mirrors",
        address,
        dockerfile: `FROM scratch\nADD ${address} /asked\n`,
      })),
  ];
}

/** Why the builder does not get there, in BuildKit's words; undefined where somebody answers. */
async function problemFrom(
  home: Home,
  name: string,
  { dockerfile }: Place,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { buildctl } = await findBuilder(home, name, environment);
  if (!buildctl) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "strata-reach-"));
  try {
    await writeFile(join(folder, "Dockerfile"), dockerfile);
    const local = ["--local", `context=${folder}`, "--local", `dockerfile=${folder}`];
    const words = ["build", "--progress=plain", "--no-cache", "--frontend", "dockerfile.v0", ...local];
    const options = { env: environment, timeout: LIMIT_MS };
    const { ok, all } = await attempt(buildctl[0], [...buildctl.slice(1), ...words], options);
    return ok ? undefined : connectionProblem(all);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What of BuildKit's words says that nobody was reached. */
export function connectionProblem(said: string): string | undefined {
  const found =
    /dial tcp.*|lookup .*|x509: .*|tls: .*|http: server gave HTTP response to HTTPS client|i\/o timeout|no route to host/.exec(
      said,
    )?.[0];
  return found?.split("\n")[0]?.trim().replace(/[.:]$/, "");
}
