import { codeBlock, link } from "./escape.ts";
import { type Links, renderMarkdown } from "./markdown.ts";
import type { Preview } from "./preview-schema.ts";

/** The first line of our comment: nobody sees it, and it is how the comment is found again. */
export const MARKER = "<!-- strata-preview -->";

/** GitHub refuses more than 65,536 characters; what it counts as one is not written down. */
export const LIMIT = 64_000;

/** Characters of a problem that are shown. */
const MOST_PROBLEM = 20_000;

/** Where the run is that made the preview. */
export interface CommentLinks extends Links {
  readonly run?: string | undefined;
}

/** The comment about a preview. */
export function commentOn(preview: Preview, links: CommentLinks): string {
  return `${MARKER}\n${renderMarkdown(preview, LIMIT - MARKER.length - 1, links)}`;
}

/** The comment where there is no preview, and why. */
export function commentOnFailure(problem: string, { run }: CommentLinks): string {
  const shown = problem.length > MOST_PROBLEM ? `${problem.slice(0, MOST_PROBLEM)}…` : problem;
  return [
    `${MARKER}\n### Preview\n\n:x: There is no preview of this change:`,
    codeBlock(shown || "no reason was given"),
    ...(run ? [`${link("The run", run)} has its log.`] : []),
  ].join("\n\n");
}

/** Whether a comment is ours: by its first line, so that quoting it is harmless. */
export function isStrataComment(body: string): boolean {
  return body.replaceAll("\r\n", "\n").startsWith(`${MARKER}\n`);
}
