import { UserError } from "../../../errors.ts";
import { type GitHub, statusOf } from "../../program/github-client.ts";

/** The name of the account that GitHub's own token of a workflow writes as. */
const WORKFLOW_ACCOUNT = "github-actions[bot]";

/** Where comments of this token come from: its user, or the workflow's account, which may not ask who it is. */
export async function accountOf(github: GitHub): Promise<string> {
  try {
    const { data } = await github.request("GET /user");
    return data.login;
  } catch (error) {
    const status = statusOf(error);
    if (status === 403 || status === 404) return WORKFLOW_ACCOUNT;
    throw error;
  }
}

/**
 * The open pull request of a branch, `owner:branch`, at exactly this commit: the event of a fork's run does not say
 * which one it is. undefined where it was closed or has another commit by now.
 */
export async function pullRequestOf(
  github: GitHub,
  { owner, repo }: { owner: string; repo: string },
  head: string,
  sha: string,
): Promise<number | undefined> {
  const open = await github.paginate("GET /repos/{owner}/{repo}/pulls", {
    owner,
    repo,
    head,
    state: "open" as const,
    per_page: 100,
  });
  return open.find((pull) => pull.head.sha === sha)?.number;
}

/** `owner/name` */
export function parseRepository(text: string): { owner: string; repo: string } {
  const [, owner, repo] = /^([\w.-]+)\/([\w.-]+)$/.exec(text) ?? [];
  if (owner && repo) return { owner, repo };
  throw new UserError("--repo", `expected owner/name, got "${text}".`, "In a workflow: $GITHUB_REPOSITORY.");
}
