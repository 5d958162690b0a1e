import { execa } from "execa";
import { UserError } from "../../errors.ts";
import { coolDownPath } from "../../lib/lock-making/cool-down.ts";
import { type Remote, resolveRef, shallow } from "./git.ts";

/** Clocks of those who commit are wrong at times: so often the history may begin too early. */
const MOST_STEPS = 10;

/** A commit, and when it was made. */
interface DatedCommit {
  readonly commit: string;
  readonly made: Date;
}

/**
 * The commit of a branch that was its newest at `newest`, along first parents: what came in by a merge later is younger.
 * A tag or commit that a recipe names is no choice of this program: one that is too young is refused.
 */
export async function settledCommit(
  remote: Remote,
  ref: string,
  newest: Date,
  folder: string,
): Promise<string> {
  const tip = await resolveRef(remote, ref);
  if (tip === ref) return tip;
  let next: string | undefined = tip;
  for (let step = 0; next !== undefined && step < MOST_STEPS; step++) {
    const { commits, before } = await history(remote, next, newest, folder);
    const settled = commits.find(({ made }) => made <= newest);
    if (settled) return await branchCommit(remote, ref, tip, settled);
    next = before;
  }
  throw new UserError(
    remote.name,
    `has nothing at "${ref}" that is older than the cool-down.`,
    `Name it in \`except\` of ${coolDownPath}, with a reason, or wait.`,
  );
}

/** A tag has no past: the commit before it is not what it names. */
async function branchCommit(remote: Remote, ref: string, tip: string, { commit, made }: DatedCommit) {
  if (commit === tip || ref === "HEAD" || ref.startsWith("refs/heads/")) return commit;
  const isBranch =
    !ref.startsWith("refs/") &&
    (await resolveRef(remote, `refs/heads/${ref}`).then(
      () => true,
      () => false,
    ));
  if (isBranch) return commit;
  throw new UserError(
    remote.name,
    `has a commit at the tag "${ref}" that is younger than the cool-down; the one before is of ${made.toISOString().slice(0, 10)}.`,
    `Name an older tag in the recipe, or the repository in \`except\` of ${coolDownPath}, with a reason.`,
  );
}

/**
 * A commit and, where it is too young, those before it, nearest first; and what comes before the last of them. Nothing
 * but commits is fetched, from servers that can.
 */
async function history(remote: Remote, commit: string, newest: Date, folder: string) {
  const named = { ...remote, name: `${remote.name} history` };
  const only = "--filter=tree:0";
  const local = await shallow(named, commit, folder, "--depth=1", only);
  let commits = await chain();
  if (commits.every(({ made }) => made > newest)) {
    await shallow(named, commit, folder, `--shallow-since=${newest.toISOString()}`, only);
    commits = await chain();
  }
  // Where the fetched history ends `git log` knows no parent; the commit itself does.
  const { stdout } = await execa("git", local("cat-file", "commit", commits.at(-1)?.commit ?? commit));
  const head = stdout.split("\n\n", 1)[0] ?? "";
  return { commits, before: /^parent (\w+)$/m.exec(head)?.[1] };

  async function chain(): Promise<DatedCommit[]> {
    const log = await execa("git", local("log", "--first-parent", "--format=%H %ct", commit));
    return log.stdout.split("\n").map((line) => {
      const [id = "", seconds] = line.split(" ");
      return { commit: id, made: new Date(Number(seconds) * 1_000) };
    });
  }
}
