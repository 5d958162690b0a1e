import { parseArgs } from "node:util";
import { throwAll, UserError } from "../../errors.ts";
import { home, projectFolder } from "../../home.ts";
import type { Collection } from "../../lib/garbage/collection.ts";
import { Transport } from "../../oci/access/transport.ts";
import { collectRepository, type Repository, repositoriesOf } from "../garbage/collect-repository.ts";
import { collectBlobs } from "../garbage/local-files.ts";
import { removeAll } from "../garbage/remove-all.ts";
import { renderCollection } from "../garbage/render.ts";
import { knownStacks } from "../garbage/roots.ts";
import { stackNamed } from "../preview/read-previous.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { refuseHeld, updateLocks } from "../pulumi/locks.ts";
import { prepareRegistries } from "../setup/registries.ts";
import { stackConfig } from "../stack/checkout-plan.ts";
import { namedStacks, ownProject, requireKnownStack } from "../stack/stack.ts";
import { ensureTools, neededTools } from "../toolchain/toolchain.ts";

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
    const days = values.days === undefined ? undefined : count("--days", values.days, 0);
    const keep = count("--keep", values.keep, 1);
    const project = await ownProject();
    const names = values.stack ?? namedStacks();
    for (const name of names) requireKnownStack(home, project, name);
    const known = await knownStacks(home, project);
    refuseRunning(project, known);
    const { pulumi } = await ensureTools(home, neededTools.docker, true);
    const stacks = known.map((name) => stackNamed(home, project, name, pulumi?.path ?? "pulumi"));
    const repositories = await chosenRepositories(names);
    const transport = new Transport();
    let left = 0;
    const results: { repository: string; collection: Collection }[] = [];
    for (const repository of repositories) {
      const { inventory, collection } = await collectRepository({ home, stacks, transport }, repository, {
        days,
        keep,
      });
      results.push({ repository: repository.name, collection });
      if (!values.json)
        process.stdout.write(`${renderCollection(repository.name, collection, values.remove)}\n`);
      if (!values.remove || collection.removed.length === 0) continue;
      left += await removeAll(repository, inventory, collection);
      if (repository.setting.kind === "local") await collectBlobs(home);
    }
    if (values.json) process.stdout.write(`${JSON.stringify(results.map(asJson), null, 2)}\n`);
    else if (!values.remove && results.some(({ collection }) => collection.removed.length > 0))
      note("gc: nothing was removed; npm run gc -- --remove does it");
    return left > 0 ? 1 : 0;
  },
  { help: HELP },
);

function count(option: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && text.trim() !== "") return number;
  throw new UserError(option, `expected a whole number from ${least} on, got "${text}".`, "");
}

/** What an update of this moment has pushed is in no state yet. */
function refuseRunning(project: string, stacks: readonly string[]): void {
  for (const name of stacks) refuseHeld(name, updateLocks(home, { project, name }));
}

/** The registries of stacks, each once. */
async function chosenRepositories(names: readonly string[]): Promise<readonly Repository[]> {
  const found = new Map<string, Repository>();
  const problems: UserError[] = [];
  for (const name of names) {
    try {
      const config = await stackConfig(projectFolder, name);
      await prepareRegistries(home, config);
      for (const each of repositoriesOf(home, config)) found.set(each.name, each);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
    }
  }
  throwAll("stacks", problems);
  return [...found.values()];
}

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
