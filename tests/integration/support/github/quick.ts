/**
 * In place of a command that takes long: notes how it was called and with which variables, and leaves what the command would
 * leave. First argument: its name; STRATA_TEST_NOTES: where the notes go.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { repository } from "../../../../home.ts";
import { emptyHistory } from "../../../../lib/preview/build-history.ts";
import { samplePreview } from "../../../support/preview.ts";

const [, , command = "", ...words] = process.argv;
appendFileSync(
  process.env.STRATA_TEST_NOTES ?? "",
  `${JSON.stringify({ command, words, environment: process.env })}\n`,
);
const write = (path: string, text: string) => {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
};

if (command === "preview") {
  const { values } = parseArgs({ args: words, options: { out: { type: "string" } }, strict: false });
  write(join(String(values.out), "preview.json"), JSON.stringify(samplePreview([])));
  write(join(String(values.out), "preview.md"), "# the preview\n");
}
if (command === "lock" && words.includes("all")) {
  const path = join(repository, "locks/images.json");
  writeFileSync(path, readFileSync(path, "utf8").replace(/sha256:[0-9a-f]{64}/, `sha256:${"0".repeat(64)}`));
}
if (command === "up") {
  await mayPush();
  const [, stack = ""] = words;
  if (stack === process.env.STRATA_TEST_BROKEN) process.exit(1);
  const build = { stage: stack, key: "k", recipe: "starter", generation: stack, seconds: 1, bytes: 1 };
  const builds = [{ ...build, at: "2026-01-01T00:00:00.000Z" }];
  write(".strata/history.json", JSON.stringify({ ...emptyHistory, builds }));
  write(`.strata/evidence/${stack}.json`, "{}");
  write(".strata/logs/buildkitd.log", "a line\n");
}

/** Asks GHCR as a push does, with the login that lies where Docker keeps it. */
async function mayPush(): Promise<void> {
  const { auths } = JSON.parse(readFileSync(join(process.env.HOME ?? "", ".docker/config.json"), "utf8"));
  const headers = { authorization: `Basic ${auths["ghcr.io"].auth}` };
  const answer = await fetch("https://ghcr.io/token?service=ghcr.io&scope=repository:acme/strata:pull,push", {
    headers,
  });
  if (!answer.ok) throw new Error(`ghcr.io: ${answer.status}`);
}
