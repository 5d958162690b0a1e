import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { throwAll, UserError } from "../../errors.ts";
import { type Home, projectFolder } from "../../home.ts";
import { isPem } from "../../lib/builders/builder-problems.ts";
import {
  isFar,
  kindOfBuilder,
  OWN_BUILDER,
  type RemoteSetting,
  type StackBuilders,
} from "../../lib/builders/builder-setting.ts";
import { dockerConfigFolder } from "../../oci/access/credentials.ts";
import { buildxEnvironment } from "../program/environment.ts";
import { identify } from "../program/processes.ts";
import { note } from "../program/progress.ts";
import { makePrivate } from "../services/builder-socket.ts";
import { recallServices } from "../services/record.ts";
import { problemOf } from "./ask-builder.ts";
import { tlsUpstream } from "./dial.ts";
import { type Watched, watched } from "./watch.ts";
import { OpenWays, type Ways } from "./ways.ts";

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
): Promise<Ways> {
  const distinct = [...new Set([builders.default, builders.heavy])];
  const far = distinct.flatMap((builder) =>
    isFar(builder.setting)
      ? [{ ...builder, setting: builder.setting, upstreams: upstreamsOf(builder.path, builder.setting) }]
      : [],
  );
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
    if (kind === "named") await ways.copyKnown(name, [userFolder(), own]);
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

function upstreamsOf(path: string, { address, tls }: RemoteSetting): Watched[] {
  const read = (name: "ca" | "cert" | "key") => {
    const given = tls[name];
    if (isPem(given)) return given;
    const file = resolve(projectFolder, given);
    if (existsSync(file)) return readFileSync(file, "utf8");
    throw new UserError(
      `${path}.tls.${name}`,
      `there is no file ${given}.`,
      "Give a whole path or one from the folder of Pulumi.yaml, or the text in PEM.",
    );
  };
  const pair = { ca: read("ca"), cert: read("cert"), key: read("key"), serverName: tls.serverName };
  return address.map((each) => watched(tlsUpstream(each, pair)));
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
