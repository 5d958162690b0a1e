import { parseArgs } from "node:util";
import type { Collection } from "../../lib/garbage/collection.ts";
import { renderCollection } from "../garbage/render.ts";
import { wholeNumber } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { collectGarbage } from "./gc/collect-garbage.ts";

const HELP = `Usage: npm run gc -- [--stack NAME]... [--remove] [--days N] [--keep N] [--json]

  --stack NAME  whose registries, copies included; may be given several times (default: all stacks with a file)
  --remove      remove what nothing needs; without it, it is only listed
  --days N      what nothing needs stays N days (default: 1 in this clone's registry, else 30); 0 for no time at all.
                Where a registry does not say how old something is, it stays unless N is 0
  --keep N      as many of each tag's newest promotions stay for a rollback (default: 10)
  --json        print what was found as JSON

Needed is what a tag of yours names, what a tag was promoted to, what the states of this project's stacks name and their
next updates want, keep-… tags, and the evidence and signatures about these.
Exit status: 0, or 1 where something that should go could not be removed.`;

/** `npm run gc`: what the registries hold that nothing needs. */
await main(
  async () => {
    const { values } = parseArgs({
      options: {
        stack: { type: "string", multiple: true },
        remove: { type: "boolean", default: false },
        days: { type: "string" },
        keep: { type: "string", default: "10" },
        json: { type: "boolean", default: false },
      },
    });
    const days = values.days === undefined ? undefined : wholeNumber("--days", values.days, 0);
    const keep = wholeNumber("--keep", values.keep, 1);
    const results: { repository: string; collection: Collection }[] = [];
    const left = await collectGarbage({
      stacks: values.stack,
      days,
      keep,
      remove: values.remove,
      tell: (repository, collection) => {
        results.push({ repository, collection });
        if (!values.json)
          process.stdout.write(`${renderCollection(repository, collection, values.remove)}\n`);
      },
    });
    if (values.json) process.stdout.write(`${JSON.stringify(results.map(asJson), null, 2)}\n`);
    else if (!values.remove && results.some(({ collection }) => collection.removed.length > 0))
      note("gc: nothing was removed; npm run gc -- --remove does it");
    return left > 0 ? 1 : 0;
  },
  { help: HELP },
);

function asJson({ repository, collection }: { repository: string; collection: Collection }): object {
  const line = ({ item, tags, needed }: Collection["kept"][number]) => ({
    digest: item.digest,
    tags,
    needed: needed ?? null,
    storedAt: item.storedAt?.toISOString() ?? null,
  });
  const { kept, removed, keptBytes, freedBytes } = collection;
  return { repository, keptBytes, freedBytes, kept: kept.map(line), unneeded: removed.map(line) };
}
