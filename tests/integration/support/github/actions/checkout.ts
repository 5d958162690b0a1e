/**
 * actions/checkout: fetches with the token, and leaves it in git's configuration unless persist-credentials is false. A depth
 * of 0 brings all branches as well, any other the commit alone.
 */
import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { action, input, program, workspace } from "./common.ts";

const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_SHA, GITHUB_REF = "" } = process.env;

await action(() => {
  const header = `http.${GITHUB_SERVER_URL}/.extraheader`;
  const login = Buffer.from(`x-access-token:${input("token")}`).toString("base64");
  program("git", "init", "--quiet", "--initial-branch", "none", ".");
  program("git", "remote", "add", "origin", `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`);
  program("git", "config", header, `AUTHORIZATION: basic ${login}`);
  const tracking = GITHUB_REF.replace(/^refs\/(?:heads\/)?/, "refs/remotes/").replace(
    /^refs\/remotes\/(?!pull\/)/,
    "refs/remotes/origin/",
  );
  const commit = `+${GITHUB_SHA}:${tracking}`;
  const isBranch = GITHUB_REF.startsWith("refs/heads/");
  const branches = ["+refs/heads/*:refs/remotes/origin/*", ...(isBranch ? [] : [commit])];
  const wanted = input("fetch-depth") === "0" ? branches : ["--depth=1", commit];
  program("git", "fetch", "--quiet", "--no-tags", "origin", ...wanted);
  if (input("persist-credentials") === "false") program("git", "config", "--unset-all", header);
  if (isBranch) {
    program("git", "checkout", "--quiet", "-B", GITHUB_REF.slice("refs/heads/".length), tracking);
  } else {
    program("git", "checkout", "--quiet", "--detach", tracking);
  }
  // What `npm ci` would bring, with the stamp that tools/bootstrap.sh looks for: links, so that nothing can be lost there.
  const modules = process.env.STRATA_TEST_MODULES ?? "";
  const target = join(workspace, "node_modules");
  mkdirSync(target);
  for (const name of readdirSync(modules)) symlinkSync(join(modules, name), join(target, name));
  rmSync(join(target, ".strata-lock.json"), { force: true });
  copyFileSync(join(workspace, "package-lock.json"), join(target, ".strata-lock.json"));
});
