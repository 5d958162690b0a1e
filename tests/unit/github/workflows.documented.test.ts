/** The tables of docs/continuous-integration.md say what the workflows use: variables, secrets, roles, rights, actions. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { repository } from "../../../home.ts";

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
}

const workflows = globSync(".github/workflows/*.yml", { cwd: repository })
  .sort()
  .map((path) => {
    const text = readFileSync(join(repository, path), "utf8");
    const { on, jobs } = parse(text) as { on: Record<string, unknown>; jobs: Record<string, Job> };
    return { name: basename(path, ".yml"), text, on, jobs: Object.values(jobs) };
  });

const page = readFileSync(join(repository, "docs/continuous-integration.md"), "utf8");

/** The rows of the table whose first column is called so, without Markdown. */
function table(first: string): string[][] {
  const [, body = ""] =
    new RegExp(`^\\| ${first} +\\|.*\\n\\|[- |]+\\|\\n((?:\\|.*\\n)+)`, "m").exec(page) ?? [];
  return body
    .trimEnd()
    .split("\n")
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.replaceAll("`", "").trim()),
    );
}

/** `name: workflows that use it`, by the context's name in expressions. */
function used(context: "vars" | "secrets"): string[] {
  const by = new Map<string, string[]>();
  for (const { name, text } of workflows) {
    const all = [...text.matchAll(new RegExp(`\\b${context}\\.(\\w+)`, "g"))].map(([, found = ""]) => found);
    for (const found of new Set(all)) by.set(found, [...(by.get(found) ?? []), name]);
  }
  return [...by].map(([name, users]) => `${name}: ${users.join(", ")}`).sort();
}

test("every workflow is there, with what it may write", () => {
  const rights = { contents: "a branch", "pull-requests": "pull requests", packages: "packages" };
  const expected = workflows.map(({ name, jobs }) => {
    const written = Object.entries(rights).filter(([right]) =>
      jobs.some(({ permissions }) => permissions?.[right] === "write"),
    );
    return `${name}.yml: ${written.map(([, words]) => words).join(", ") || "nothing"}`;
  });
  const rows = table("workflow").map(
    ([name = "", , , writes]) => `${/\[(.+?)\]/.exec(name)?.[1]}: ${writes}`,
  );
  assert.deepEqual(rows.sort(), expected);
});

test("every variable and every secret is there, with the workflows that use it", () => {
  const named = (first: string) => table(first).map(([name, users]) => `${name}: ${users}`);
  assert.deepEqual(named("variable").sort(), used("vars"));
  assert.deepEqual(named("secret").sort(), used("secrets"));
});

test("a secret of an environment is used by jobs of this environment alone", () => {
  for (const [secret = "", , place = ""] of table("secret")) {
    const environment = /^the environment (\w+)$/.exec(place)?.[1];
    for (const { name, jobs } of workflows) {
      for (const job of jobs.filter((each) => JSON.stringify(each).includes(`secrets.${secret}`))) {
        assert.equal(job.environment, environment, `${name}: ${secret}`);
      }
    }
  }
});

test("every role is there, with the subject that the job which asks for it has", () => {
  const expected = workflows.flatMap(({ on, jobs }) =>
    jobs.flatMap((job) => {
      const roles = JSON.stringify(job).match(/\bAWS_\w+_ROLE\b/g) ?? [];
      if (roles.length > 0) assert.equal(job.permissions?.["id-token"], "write");
      const ofEvent = "pull_request" in on ? "pull_request" : "ref:refs/heads/main";
      const subject = job.environment ? `environment:${job.environment}` : ofEvent;
      return [...new Set(roles)].map((role) => `${role}: repo:OWNER/NAME:${subject}`);
    }),
  );
  assert.deepEqual(
    table("role")
      .map(([role, subject]) => `${role}: ${subject}`)
      .sort(),
    expected.sort(),
  );
});

test("every action is there, with its version and commit", () => {
  const uses = workflows.flatMap(({ text }) => [
    ...text.matchAll(/uses: ([\w-]+\/[\w-]+)[\w/-]*@(\w{40}) # v(\S+)/g),
  ]);
  const expected = new Set(uses.map(([, action, commit, version]) => `${action} ${version} ${commit}`));
  assert.deepEqual(
    table("action")
      .map(([action, version, commit]) => `${action} ${version} ${commit}`)
      .sort(),
    [...expected].sort(),
  );
});

test("the disk that a release needs is the same everywhere it is named", () => {
  const sizes = [page, ...workflows.map(({ text }) => text)].flatMap(
    (text) => text.match(/\d+ GB of free disk/g) ?? [],
  );
  assert.deepEqual(new Set(sizes.map((size) => size.split(" ")[0])), new Set(["36"]));
});
