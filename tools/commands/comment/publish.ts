import { isStrataComment } from "../../../lib/preview/comment-body.ts";
import { type GitHub, statusOf } from "../../program/github-client.ts";

/** A pull request. */
export interface PullRequest {
  readonly owner: string;
  readonly repo: string;
  readonly number: number;
  /** The login that our comments have; somebody else's are never touched, whatever they begin with. */
  readonly author: string;
}

export interface PublishResult {
  readonly action: "created" | "updated" | "unchanged";
  readonly url: string;
  /** Duplicates that were deleted. */
  readonly deleted: number;
}

interface Comment {
  readonly id: number;
  readonly body: string;
  readonly url: string;
}

/**
 * Makes `body` the one comment of ours: the oldest is updated in place, others are deleted. Where there is none, one
 * is made; then the comments are looked through again, as a request that seemed to fail may have made one before.
 */
export async function publish(github: GitHub, target: PullRequest, body: string): Promise<PublishResult> {
  const before = await strataComments(github, target);
  for (const comment of before) {
    const action = await update(github, target, comment, body);
    if (!action) continue;
    const deleted = await remove(github, target, before, comment.id);
    return { action, url: comment.url, deleted };
  }
  const { owner, repo, number } = target;
  await github.request("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", {
    owner,
    repo,
    issue_number: number,
    body,
  });
  const after = await strataComments(github, target);
  const [oldest] = after;
  if (!oldest) throw new Error("the comment was made, but is not there");
  return { action: "created", url: oldest.url, deleted: await remove(github, target, after, oldest.id) };
}

/** All of ours, over all pages, the oldest first. */
async function strataComments(
  github: GitHub,
  { owner, repo, number, author }: PullRequest,
): Promise<Comment[]> {
  const all = await github.paginate("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
    owner,
    repo,
    issue_number: number,
    per_page: 100,
  });
  return all
    .filter(({ body, user }) => isStrataComment(body ?? "") && user?.login === author)
    .map(({ id, body, html_url }) => ({ id: Number(id), body: body ?? "", url: html_url }))
    .sort((a, b) => a.id - b.id);
}

/** undefined where the comment was deleted in the meantime. */
async function update(
  github: GitHub,
  { owner, repo }: PullRequest,
  { id, body: old }: Comment,
  body: string,
): Promise<"updated" | "unchanged" | undefined> {
  if (old.replaceAll("\r\n", "\n") === body) return "unchanged";
  try {
    await github.request("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", {
      owner,
      repo,
      comment_id: id,
      body,
    });
    return "updated";
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function remove(
  github: GitHub,
  { owner, repo }: PullRequest,
  comments: readonly Comment[],
  kept: number,
): Promise<number> {
  let deleted = 0;
  for (const { id } of comments) {
    if (id === kept) continue;
    try {
      await github.request("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}", {
        owner,
        repo,
        comment_id: id,
      });
      deleted++;
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return deleted;
}

function isGone(error: unknown): boolean {
  const status = statusOf(error);
  return status === 404 || status === 410;
}
