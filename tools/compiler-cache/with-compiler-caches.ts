import prettyBytes from "pretty-bytes";
import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import { builderOf, isRented, stackBuilders } from "../../lib/builders/builder-setting.ts";
import { fittingParts } from "../../lib/builders/compiler-cache.ts";
import type { Plan, Stage } from "../../lib/plan/plan.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { imageExists } from "../../oci/read/image.ts";
import { UNSAID } from "../../oci/write/put.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { note, withProgress } from "../program/progress.ts";
import type { RentGuest } from "../rented/rent-terms.ts";
import { stageReference } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";
import type { CacheStep } from "./cache-build.ts";
import { fillCache } from "./fill.ts";
import { readParts } from "./read-parts.ts";
import { type SharedCache, sharedCaches } from "./shared-caches.ts";
import { type TakeOptions, takeCache } from "./take.ts";

/** What an update ends with that its user ended. */
const INTERRUPTED = 130;

/** A stack as it is built now. */
export interface CacheUsers {
  readonly home: Home;
  readonly stack: Pick<Stack, "environment" | "office">;
  readonly planned: { readonly plan: Plan; readonly config: Config };
}

/**
 * Builds with the compilers' caches that builders share: before it, those of stages that the registry has not are filled on the
 * builder that gets them; after it, also where it failed, what is new goes back. Without `strata:compilerCache` it is the
 * build alone. What goes wrong with a cache is a line, and no error: it is compiled then. A builder that is rented comes while it
 * is built, and goes before the end: its caches are filled and kept then.
 *
 * @param build gives the exit code
 * @param stages that it may build. @default all
 */
export async function withCompilerCaches(
  users: CacheUsers,
  build: () => Promise<number>,
  stages: readonly Stage[] = users.planned.plan.stages,
): Promise<number> {
  if (!users.planned.config.compilerCache) return await build();
  const wanted = await Promise.all(
    sharedCaches(users.planned)
      .filter(({ stage }) => stages.some(({ name }) => name === stage.name))
      .map(async (cache) => ((await isBuilt(users, cache.stage)) ? [] : [cache])),
  );
  const caches = wanted.flat();
  if (caches.length === 0) return await build();
  const { office } = users.stack;
  const { heavy } = stackBuilders(users.planned.config);
  const isThere = ({ stage }: SharedCache) =>
    !office || stage.weight === undefined || !isRented(heavy.setting);
  const here = exchange(users, caches.filter(isThere));
  if (office)
    office.guest = exchange(
      users,
      caches.filter((cache) => !isThere(cache)),
    );
  await here.came();
  const code = await build();
  if (code !== INTERRUPTED) await here.goes();
  return code;
}

/** Fills these caches, and keeps them afterwards. */
function exchange(users: CacheUsers, caches: readonly SharedCache[]): RentGuest {
  const broken = new Set<string>();
  const all = async (title: string, work: typeof take) => {
    if (caches.length === 0) return;
    await withProgress(title, () => Promise.all(caches.map((cache) => work(users, cache, broken))));
  };
  return {
    came: () => all("Filling compilers' caches", fill),
    goes: () => all("Keeping compilers' caches", take),
  };
}

/** Whom nobody can ask is taken for missing: the build itself says more. */
async function isBuilt({ home, planned }: CacheUsers, stage: Stage): Promise<boolean> {
  return await imageExists(stageReference(home, planned.config, stage), undefined, UNSAID).catch(() => false);
}

/** @param broken gets the digests of parts that the builder cannot read */
async function fill(users: CacheUsers, cache: SharedCache, broken: Set<string>): Promise<void> {
  await saying(cache, "was not filled, so all of it is compiled", async () => {
    const { step, options } = await stepFor(users, cache);
    if (step === undefined) return "is empty yet";
    const { parts, brought } = await fillCache(step);
    const lost = step.parts.filter((part) => !parts.includes(part));
    for (const { digest } of lost) broken.add(digest);
    if (options.there.length === 0) return "is empty yet";
    const bytes = prettyBytes(parts.reduce((sum, part) => sum + part.bytes, 0));
    const unread = lost.length > 0 ? `; ${lost.length} more cannot be read` : "";
    return `${brought} objects are new to ${step.builder}, of ${parts.length} ${parts.length === 1 ? "part" : "parts"} with ${bytes}${unread}`;
  });
}

async function take(users: CacheUsers, cache: SharedCache, broken: Set<string>): Promise<void> {
  await saying(cache, "was not kept", async () => {
    const { step, options } = await stepFor(users, cache);
    if (step === undefined) return undefined;
    const parts = step.parts.filter(({ digest }) => !broken.has(digest));
    const { hits, part } = await takeCache({ ...step, parts }, options);
    const kept = part && `${part.files} are new, ${prettyBytes(part.kilobytes * 1024)}: kept as ${part.tag}`;
    return [hits ?? "no compiler asked for it", ...(kept ? [kept] : [])].join("; ");
  });
}

/** What is there now, for the step before a build and for the one after it. */
async function stepFor(
  { home, stack, planned }: CacheUsers,
  { stage, tools, mount, series }: SharedCache,
): Promise<{ step: CacheStep | undefined; options: TakeOptions }> {
  const { config } = planned;
  const limit = (config.compilerCache?.gigabytes ?? 0) * 1e9;
  const write = config.compilerCache?.write ?? false;
  const repository = imageRepository(config.registry, registryAddress(home.services));
  const there = await readParts(repository, series);
  const own = await digestOfTag(stageReference(home, config, tools), undefined, () => {});
  const digest = own ?? there[0]?.digest;
  const options = { series, there, limit, write };
  if (digest === undefined) return { step: undefined, options };
  const builder = builderOf(stackBuilders(config), stage);
  const { environment } = stack;
  const parts = fittingParts(there, limit);
  return {
    step: { home, environment, builder, repository, mount, tools: `${repository}@${digest}`, parts },
    options,
  };
}

/** Says what came of it, in a line. */
async function saying(
  { stage }: SharedCache,
  failed: string,
  work: () => Promise<string | undefined>,
): Promise<void> {
  const said = await work().catch((error: unknown) => {
    const words = error instanceof Error ? error.message : String(error);
    return `${failed} (${words.replaceAll(/\s*\n\s*/g, " ")})`;
  });
  if (said !== undefined) note(`compiler cache of ${stage.name}: ${said}`);
}
