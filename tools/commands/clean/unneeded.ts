import prettyBytes from "pretty-bytes";
import { UserError } from "../../../errors.ts";
import type { Home } from "../../../home.ts";
import { buildctlOf } from "../../builder/build-records.ts";
import { bytesOf, cacheUsage, pruneUnused, unusedFor } from "../../builder/cache-usage.ts";
import { renderCollection } from "../../garbage/render.ts";
import { note, withProgress } from "../../program/progress.ts";
import type { Buildctl } from "../../services/build-histories.ts";
import { collectGarbage } from "../gc/collect-garbage.ts";

/** A stage that changes weekly is still found then. */
const BUILDER_DAYS = 14;
/** As `npm run gc` has it. */
const PROMOTIONS = 10;

/** @returns the exit status */
export async function cleanUnneeded(
  home: Home,
  { days, remove }: { readonly days: number | undefined; readonly remove: boolean },
): Promise<number> {
  const buildctl = await buildctlOf(home);
  if (!buildctl) {
    throw new UserError("builder", "is none that strata made, so it is not asked.", "`make up` makes one.");
  }
  let bytes = await cleanBuilder(buildctl, days ?? BUILDER_DAYS, remove);
  const left = await collectGarbage({
    isWanted: ({ setting }) => setting.kind === "local",
    days,
    keep: PROMOTIONS,
    remove,
    tell: (repository, collection) => {
      bytes += collection.freedBytes;
      process.stdout.write(`${renderCollection(repository, collection, remove)}\n`);
    },
  });
  const told = prettyBytes(bytes);
  note(
    remove
      ? `clean: ${told} less`
      : `clean: nothing was removed; npm run clean -- --unneeded --remove frees ${told}`,
  );
  return left > 0 ? 1 : 0;
}

/** @returns bytes that went, or would go */
async function cleanBuilder(buildctl: Buildctl, days: number, remove: boolean): Promise<number> {
  const usage = await cacheUsage(buildctl);
  const unused = unusedFor(usage, days, new Date());
  const bytes = bytesOf(unused);
  process.stdout.write(
    `builder: ${usage.length} records, ${prettyBytes(bytesOf(usage))}; ${unused.length} that no build has used for ${days} days, ${prettyBytes(bytes)}\n`,
  );
  if (!remove || unused.length === 0) return bytes;
  return await withProgress("Removing from the builder", () => pruneUnused(buildctl, days));
}
