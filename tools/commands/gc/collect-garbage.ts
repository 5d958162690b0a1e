import { throwAll, UserError } from "../../../errors.ts";
import { home, projectFolder } from "../../../home.ts";
import type { Collection } from "../../../lib/garbage/collection.ts";
import { Transport } from "../../../oci/access/transport.ts";
import { collectRepository, type Repository, repositoriesOf } from "../../garbage/collect-repository.ts";
import { collectBlobs } from "../../garbage/local-files.ts";
import { removeAll } from "../../garbage/remove-all.ts";
import { knownStacks } from "../../garbage/roots.ts";
import { stackNamed } from "../../preview/read-previous.ts";
import { refuseHeld, updateLocks } from "../../pulumi/locks.ts";
import { prepareRegistries } from "../../setup/registries.ts";
import { stackConfig } from "../../stack/checkout-plan.ts";
import { namedStacks, ownProject, requireKnownStack } from "../../stack/stack.ts";
import { ensureTools, neededTools } from "../../toolchain/toolchain.ts";

/** What is collected, and what becomes of it. */
export interface GarbageRequest {
  /** Stacks whose registries it is about. @default all that have a file */
  readonly stacks?: readonly string[] | undefined;
  readonly isWanted?: (repository: Repository) => boolean;
  /** @default by the kind of registry */
  readonly days?: number | undefined;
  /** Promotions of each tag that stay for a rollback. */
  readonly keep: number;
  readonly remove: boolean;
  /** Hears of each repository as it was read, before anything goes. */
  readonly tell: (repository: string, collection: Collection) => void;
}

/**
 * Reads repositories, and removes what nothing needs where that is asked for.
 *
 * @returns how many items stay that should go
 */
export async function collectGarbage(request: GarbageRequest): Promise<number> {
  const { days, keep, remove, tell, isWanted = () => true } = request;
  const project = await ownProject();
  const names = request.stacks ?? namedStacks();
  for (const name of names) requireKnownStack(home, project, name);
  const known = await knownStacks(home, project);
  refuseRunning(project, known);
  const { pulumi } = await ensureTools(home, neededTools.docker, true);
  const stacks = known.map((name) => stackNamed(home, project, name, pulumi?.path ?? "pulumi"));
  const transport = new Transport();
  let left = 0;
  for (const repository of (await chosenRepositories(names)).filter(isWanted)) {
    const { inventory, collection } = await collectRepository({ home, stacks, transport }, repository, {
      days,
      keep,
    });
    tell(repository.name, collection);
    if (!remove || collection.removed.length === 0) continue;
    left += await removeAll(repository, inventory, collection);
    if (repository.setting.kind === "local") await collectBlobs(home);
  }
  return left;
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
