import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { throwAll, UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import {
  type FarSetting,
  isFar,
  isRented,
  kindOfBuilder,
  OWN_BUILDER,
  type StackBuilder,
  type StackBuilders,
} from "../../lib/builders/builder-setting.ts";
import { dockerConfigFolder } from "../../oci/access/credentials.ts";
import { buildxEnvironment } from "../program/environment.ts";
import { identify } from "../program/processes.ts";
import { note } from "../program/progress.ts";
import { makePrivate } from "../services/builder-socket.ts";
import { recallServices } from "../services/record.ts";
import { problemOf } from "./ask-builder.ts";
import { reachFar } from "./reach-far.ts";
import { type Watched, watched } from "./watch.ts";
import { OpenWays } from "./ways.ts";

interface FarBuilder extends StackBuilder {
  readonly setting: FarSetting;
  readonly upstreams: Watched[];
}

/** Seconds that a builder on this machine may be silent: it shares the machine with what it builds. */
const LOCAL_PATIENCE = 40;

/**
 * Opens the ways to a stack's builders, asks those elsewhere whether they can take a build, and watches each.
 *
 * @throws UserError for every builder that does not answer, with its cause
 */
export async function openWays(
  home: Home,
  builders: StackBuilders,
  localPatience = LOCAL_PATIENCE,
): Promise<OpenWays> {
  const distinct = [...new Set([builders.default, builders.heavy])];
  const far = await reachAll(home, distinct);
  await askAll(far);
  const folder = join(home.run, "ways", String(process.pid));
  const isAsBefore = distinct.every(
    ({ setting, names }) => kindOfBuilder(setting) === "local" && names[0] === OWN_BUILDER,
  );
  const ways = new OpenWays(home, folder, isAsBefore);
  process.once("exit", () => ways.close());
  if (!isAsBefore) {
    await makePrivate(home.run);
    forgetFormer(dirname(folder));
    await makePrivate(folder);
  }
  for (const builder of far) await ways.openFar(builder, builder.upstreams);
  const own = buildxEnvironment(home).BUILDX_CONFIG;
  for (const { names, setting } of distinct) {
    const kind = kindOfBuilder(setting);
    const [name = OWN_BUILDER] = names;
    if (kind === "named")
      await ways.copyKnown(name, [userFolder(), own], typeof setting === "string" ? setting : name);
    if (kind !== "local") continue;
    if (!isAsBefore) await ways.copyKnown(name, [own], OWN_BUILDER);
    const running = (await recallServices(home))?.builder;
    if (running?.kind === "buildkitd") ways.watchLocal(names, running.address, localPatience);
  }
  return ways;
}

/** Where buildx finds what the user has made. */
function userFolder(): string {
  return process.env.BUILDX_CONFIG || join(dockerConfigFolder(), "buildx");
}

/** What runs that were killed have left. */
function forgetFormer(folder: string): void {
  for (const pid of existsSync(folder) ? readdirSync(folder) : []) {
    if (identify(Number(pid)) === undefined) rmSync(join(folder, pid), { recursive: true, force: true });
  }
}

/** Those of the builders that are elsewhere, each with how to get a connection to it. */
async function reachAll(home: Home, builders: readonly StackBuilder[]): Promise<FarBuilder[]> {
  const errors: UserError[] = [];
  const reached = builders.map(async (builder) => {
    const { path, setting } = builder;
    if (!isFar(setting) || isRented(setting)) return [];
    try {
      const upstreams = (await reachFar({ home, path }, setting)).map((each) => watched(each));
      return [{ ...builder, setting, upstreams }];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
      return [];
    }
  });
  const far = (await Promise.all(reached)).flat();
  throwAll("Builders that cannot be used", errors);
  return far;
}

async function askAll(far: readonly { readonly path: string; readonly upstreams: readonly Watched[] }[]) {
  const problems = far.map(async ({ path, upstreams }) => {
    const found = await Promise.all(upstreams.map((upstream) => problemOf(upstream)));
    const errors = upstreams.flatMap((upstream, index) => {
      const problem = found[index];
      if (problem === undefined) return [];
      upstream.gone = problem.message;
      return [new UserError(path, `${upstream.shown} ${problem.message}.`, problem.remedy)];
    });
    // The others do its work.
    if (errors.length === upstreams.length) return errors;
    for (const { message } of errors) note(`warning: ${message}`);
    return [];
  });
  throwAll("Builders that cannot be used", (await Promise.all(problems)).flat());
}
