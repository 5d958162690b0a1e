import assert from "node:assert/strict";
import { test } from "node:test";
import {
  commentOn,
  commentOnFailure,
  isStrataComment,
  LIMIT,
  MARKER,
} from "../../../../lib/preview/comment-body.ts";
import { renderMarkdown } from "../../../../lib/preview/markdown.ts";
import { samplePreview, stackPreview } from "../../../support/preview.ts";

test("a comment says why there is no preview, without any of it being taken for Markdown", () => {
  const text = commentOnFailure("```\n@octocat <b>", { run: "https://github.com/o/n/actions/runs/1" });
  assert.ok(isStrataComment(text));
  assert.match(text, /^````text\n```\n@octocat <b>\n````$/m);
  assert.match(text, /\[The run\]\(https:\/\/github\.com\/o\/n\/actions\/runs\/1\)/);
  assert.ok(commentOnFailure("`".repeat(1_000_000), {}).length < 65_536);
  assert.ok(commentOn(samplePreview([stackPreview("dev")]), {}).length < LIMIT);
});

test("a comment is the whole preview below our mark", () => {
  const preview = samplePreview([stackPreview("dev")]);
  const links = { artifact: "https://github.com/o/n/actions/runs/1#artifacts" };
  assert.equal(commentOn(preview, links), `${MARKER}\n${renderMarkdown(preview, undefined, links)}`);
});

test("a comment about a large preview is as long as it may be, and no longer", () => {
  const stack = { stack: "dev", verdict: "failed", problem: "line\n".repeat(1_000) } as const;
  const preview = samplePreview(
    Array.from({ length: 60 }, (_, index) => ({ ...stack, stack: `dev${index}` })),
  );
  const { length } = commentOn(preview, {});
  assert.ok(length <= LIMIT && length > LIMIT - 5_000, `${length}`);
});

test("a reason is cut where it is too long, and where there is none it says so", () => {
  const begin = `${MARKER}\n### Preview\n\n:x: There is no preview of this change:\n\n`;
  assert.equal(commentOnFailure("", {}), `${begin}\`\`\`text\nno reason was given\n\`\`\``);
  const most = "x".repeat(20_000);
  assert.equal(commentOnFailure(most, {}), `${begin}\`\`\`text\n${most}\n\`\`\``);
  assert.equal(commentOnFailure(`${most}y`, {}), `${begin}\`\`\`text\n${most}…\n\`\`\``);
  assert.match(
    commentOnFailure("no lock", { run: "https://github.com/o/n/actions/runs/1" }),
    /\n\n\[The run\]\(https:\S+\) has its log\.$/,
  );
});

test("a comment is ours by its first line alone, whatever ends its lines", () => {
  assert.ok(isStrataComment(`${MARKER}\nx`));
  assert.ok(isStrataComment(`${MARKER}\r\nx`));
  for (const other of [`> ${MARKER}\n`, `x\n${MARKER}\n`, MARKER, `${MARKER} x\n`])
    assert.ok(!isStrataComment(other));
});
