import assert from "node:assert/strict";
import { test } from "node:test";
import { brokenLines } from "../../../../lib/lock-making/broken-lines.ts";

const by = "o/node requirements.txt";
const messages = (output: string, ...lines: string[]) =>
  brokenLines(
    output,
    lines.map((line) => ({ line, by })),
  ).map(({ message }) => message);

// As uv 0.13.8 says it.
const refused = (cause: string, line: string) =>
  `error: Couldn't parse requirement in \`o-node-requirements.in\` at position 7\n  cause: ${cause}\n         ${line}\n            ^^^^^^^^\n`;
const replace = "Take the line otherwise (`replace` in the recipe, with a reason), or correct your own";

test("a version that is none is told with who asks for it, why, and how it is written", () => {
  const cause = "after parsing `0.20`, found `.x`, which is not part of a valid version";
  assert.deepEqual(messages(refused(cause, "foo==0.20.x"), "six", "foo==0.20.x"), [
    `${by}: asks for "foo==0.20.x": ${cause}. ${replace}; any number is *, as in ==1.2.*.`,
  ]);
});

test("the other broken versions are told in one go; what uv took is not among them", () => {
  const cause = 'no such comparison operator "=", must be one of ~= == != <= >= < > ===';
  const said = messages(
    refused(cause, "numpy=1.2"),
    "numpy=1.2",
    "b>2,<3.y",
    "six>=1,<2",
    "c===x",
    "numpy=1.2",
  );
  assert.deepEqual(said, [
    `${by}: asks for "numpy=1.2": ${cause}. ${replace}.`,
    `${by}: asks for "b>2,<3.y": "<3.y" names no version. ${replace}.`,
  ]);
});

test("a broken marker is told too, and so is a line that begins with no name", () => {
  const marker = 'g==1.0 ; python_verson < "3"';
  const cause = "Expected a quoted string or a valid marker name, found `python_verson`";
  assert.deepEqual(messages(refused(cause, marker), "six", marker), [
    `${by}: asks for "${marker}": ${cause}. ${replace}.`,
  ]);
  const start =
    "error: Unexpected '?', expected '-c', '-e', '-r' or the start of a requirement: o-node-requirements.in:2:1";
  assert.deepEqual(messages(start, "six", "six", "?"), [
    `${by}: asks for "?": no name begins there. ${replace}.`,
  ]);
});

test("who fails otherwise is not told of lines", () => {
  assert.deepEqual(messages("error: Failed to fetch: `http://127.0.0.1:1/simple/six/`\n", "foo==0.20.x"), []);
  assert.deepEqual(messages("error: No solution found when resolving dependencies", "foo==0.20.x"), []);
});
