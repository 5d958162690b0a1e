import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../home.ts";
import { temporaryFolder } from "./support/folder.ts";

const git = (...args: string[]) =>
  execFileSync("git", ["-C", repository, ...args], { encoding: "utf8", maxBuffer: 2 ** 26 });
const skip = existsSync(join(repository, ".git")) ? false : "this is no checkout";
const paths = skip
  ? []
  : git("ls-files", "-z")
      .split("\0")
      .filter((path) => path !== "");

/** What git would write into a working tree with these settings: as a clone does, of what is staged. */
function checkedOut(folder: string, ...settings: string[]): string {
  const options = settings.flatMap((setting) => ["-c", setting]);
  git(...options, "checkout-index", "--all", `--prefix=${folder}/`);
  return folder;
}

test("a checkout with Windows' line ends has the bytes of every other one", { skip }, (t) => {
  const windows = checkedOut(join(temporaryFolder(t), "w"), "core.autocrlf=true", "core.eol=crlf");
  const linux = checkedOut(join(temporaryFolder(t), "l"), "core.autocrlf=false", "core.eol=lf");
  const changed = paths.filter(
    (path) => !readFileSync(join(windows, path)).equals(readFileSync(join(linux, path))),
  );
  assert.deepEqual(changed, []);
  assert.ok(paths.length > 1000);
});

test("without .gitattributes it has not: the setting is heeded at all", { skip }, (t) => {
  const folder = temporaryFolder(t);
  copyFileSync(join(repository, "LICENSE"), join(folder, "LICENSE"));
  const run = (...args: string[]) => execFileSync("git", ["-C", folder, ...args]);
  run("init", "--quiet");
  run("add", "LICENSE");
  run("-c", "core.autocrlf=true", "checkout-index", "--all", "--prefix=out/");
  assert.match(readFileSync(join(folder, "out/LICENSE"), "utf8"), /\r\n/);
});

test("no two paths differ in case alone, and Windows takes each name", { skip }, () => {
  const seen = new Map<string, string>();
  const twins = paths.filter((path) => {
    const other = seen.get(path.toLowerCase());
    seen.set(path.toLowerCase(), path);
    return other !== undefined;
  });
  const refused = paths.filter((path) =>
    path.split("/").some((part) => /[<>:"|?*\\]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(part)),
  );
  assert.deepEqual([twins, refused], [[], []]);
});
