/** What a fork writes into its preview is posted in our name: every field of the schema is planted with what does harm. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commentOn } from "../../../../lib/preview/comment-body.ts";
import { type Preview, previewJsonSchema, previewSchema } from "../../../../lib/preview/preview-schema.ts";
import { planted } from "../../../support/planted.ts";

const schema = JSON.parse(previewJsonSchema());
/** More than the longest list of choices in the schema. */
const TURNS = 12;

/** Each begins with a word that stands nowhere in our own text, and tries to be something else than text. */
const hostile: readonly string[] = [
  "Planted\n\n### Planted\n\n<img src=https://evil.example/a.png> @octocat [Planted](https://evil.example)",
  "Planted ![Planted](https://evil.example/a.png)",
  "Planted` <a href=https://evil.example>Planted</a> `Planted",
  "Planted\n```\n</summary></details>\n<!-- strata-preview -->\nPlanted @octocat",
  "Planted``` ~~~\n~~~\nPlanted | Planted | [Planted][x]\n\n[x]: https://evil.example",
  "Planted \\` <script>Planted</script> \\| @octocat \\",
  "`Planted @octocat",
  "https://evil.example/Planted",
  "https://github.com/Planted/Planted/compare/main...Planted",
  "https://github.com/octocat/Planted/compare/aaaaaaaaaa...bbbbbbbbbb) @octocat [Planted](https://evil.example",
  'Planted"] ; click n0 "https://evil.example" ; n1["<b>Planted</b>',
];

/** What of a comment is not shown as it is written: all but code, and but the text of a summary, which is escaped. */
function live(comment: string): string {
  return comment
    .replace(/^(`{3,})(?!mermaid)[^`\n]*\n[\s\S]*?\n\1$/gm, "")
    .replace(/^```mermaid\n[\s\S]*?\n```$/gm, "")
    .replace(/(?<!`)(`+)(?!`)([^\n]*?[^`\n])\1(?!`)/g, "")
    .replace(/(?<=<summary><b>)[^<>\n@[\]`]*(?=<\/b>)/g, "");
}

/** The lines of our graph whose labels hold nothing but letters, digits, quiet marks and numbered characters. */
const graphLine =
  /^(flowchart LR| {2}n\d+\[{1,2}"(?:[\p{L}\p{N} .,:;/+_()→-]|#\d+;)*"\]{1,2}:::\w+| {2}n\d+ [-=]+> n\d+| {2}classDef [\w :#,-]+)$/u;

function assertHarmless(comment: string, said: string): void {
  const text = live(comment);
  for (const [what, sign] of [
    ["text outside of code", /Planted|octocat|evil/],
    ["HTML", /<(?!\/?(?:details|summary|b|sub|br)>|!-- strata-preview -->)/],
    ["a mention", /@/],
    ["an image", /!\[/],
    ["a link", /\]\(|\]\[|\]:|https?:|www\./],
  ] as const)
    assert.doesNotMatch(text, sign, `${said}: ${what}`);
  assert.equal(comment.match(/<!--/g)?.length ?? 0, codeComments(comment) + 1, `${said}: a second mark`);
  for (const [, graph = ""] of comment.matchAll(/^```mermaid\n([\s\S]*?)\n```$/gm))
    for (const line of graph.split("\n")) assert.match(line, graphLine, said);
}

/** HTML comments that stand in code. */
function codeComments(comment: string): number {
  return (comment.match(/<!--/g)?.length ?? 0) - (live(comment).match(/<!--/g)?.length ?? 0);
}

test("whatever stands in any field of a preview, its comment has no HTML, link, mention or image of it", () => {
  for (const [index, text] of hostile.entries()) {
    for (let turn = 0; turn < TURNS; turn++) {
      const preview = previewSchema.parse(planted(schema, turn, () => text));
      assertHarmless(commentOn(preview, {}), `text ${index}, turn ${turn}`);
    }
  }
});

test("every field that a comment shows is among the planted ones", () => {
  const fields = new Set<string>();
  for (let turn = 0; turn < TURNS; turn++) planted(schema, turn, (path) => fields.add(path) && "x");
  for (const field of ["causes[].kind", "nodes[].link", "engine.counts.*", "notes[]", ".problem", ".why"])
    assert.ok(
      [...fields].some((path) => path.endsWith(field)),
      `${field} of ${[...fields].join(" ")}`,
    );
});

/** The schema with one more field in every object of it; `names` gets what they are called, each another. */
function withAddedFields(part: unknown, names: string[]): unknown {
  if (Array.isArray(part)) return part.map((each) => withAddedFields(each, names));
  if (part === null || typeof part !== "object") return part;
  const fields = Object.entries(part).map(([name, value]) => {
    const inside = withAddedFields(value, names);
    if (name !== "properties") return [name, inside];
    const added = `added${names.length}`;
    names.push(added);
    return [name, { ...(inside as object), [added]: { type: "string" } }];
  });
  return Object.fromEntries(fields);
}

test("a field that is added to any object of the schema is planted by itself", () => {
  const names: string[] = [];
  const larger = withAddedFields(schema, names) as typeof schema;
  assert.ok(names.length > 20, `${names.length} objects`);
  const seen = new Set<string>();
  for (let turn = 0; turn < TURNS; turn++)
    planted(larger, turn, (path) => String(seen.add(path.split(".").at(-1) ?? "")));
  assert.deepEqual(
    names.filter((name) => !seen.has(name)),
    [],
  );
});

test("a field that is not escaped is found", () => {
  const preview = previewSchema.parse(planted(schema, 0, () => "x")) as Preview;
  const comment = commentOn(preview, {});
  for (const text of hostile) assert.throws(() => assertHarmless(`${comment}\n${text}`, text), text);
});
