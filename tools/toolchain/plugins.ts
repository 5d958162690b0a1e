import { existsSync } from "node:fs";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Home, isPackage, repository } from "../../home.ts";
import { attempt } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { reachable } from "./reach.ts";
import { type ToolName, tools } from "./tools.ts";

/** Where `pulumi plugin install` looks. */
const PLUGIN_HOSTS = ["https://get.pulumi.com", "https://api.github.com"];

/** A Pulumi plugin's program under a PULUMI_HOME. */
export function pluginPath(pulumiHome: string, tool: ToolName): string {
  const { plugin, version } = tools[tool];
  return join(pulumiHome, "plugins", `${plugin?.kind}-${plugin?.name}-v${version}`, tool);
}

/** The user's own PULUMI_HOME, where their CLI may have installed the plugin already. */
export function usersPlugin(tool: ToolName): string | undefined {
  const path = pluginPath(process.env.PULUMI_HOME || join(homedir(), ".pulumi"), tool);
  return existsSync(path) ? path : undefined;
}

/** Has the CLI fetch a plugin into our PULUMI_HOME; undefined where that cannot be had. */
export async function downloadPlugin(
  name: ToolName,
  pulumi: string,
  home: Home,
): Promise<string | undefined> {
  const { plugin, version } = tools[name];
  // The language host comes with the CLI.
  if (plugin?.kind !== "resource" || !(await Promise.all(PLUGIN_HOSTS.map(reachable))).some(Boolean))
    return undefined;
  const path = pluginPath(home.pulumi, name);
  // A link or script of ours from another time must not pass for the download.
  await rm(join(path, ".."), { recursive: true, force: true });
  const result = await withProgress(`Downloading the Pulumi plugin ${plugin.name} ${version}`, () =>
    attempt(pulumi, ["plugin", "install", plugin.kind, plugin.name, version], {
      env: { PULUMI_HOME: home.pulumi, PULUMI_SKIP_UPDATE_CHECK: "1" },
    }),
  );
  return result.ok && existsSync(path) ? path : undefined;
}

/** Puts a plugin where the CLI takes it without a warning; on PATH it would be taken with one. */
export async function linkPlugin(name: ToolName, program: string, home: Home): Promise<void> {
  const path = pluginPath(home.pulumi, name);
  if (path === program) return;
  await replaceFolder(path);
  await symlink(program, path);
}

/** Makes the plugin that runs this clone's provider with the Node that runs now. */
export async function writeScriptPlugin(name: ToolName, script: string, home: Home): Promise<string> {
  const path = pluginPath(home.pulumi, name);
  await replaceFolder(path);
  const quoted = [process.execPath, join(repository, isPackage ? script.replace(/ts$/, "js") : script)].map(
    (word) => `'${word.replaceAll("'", "'\\''")}'`,
  );
  await writeFile(path, `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

async function replaceFolder(path: string): Promise<void> {
  const folder = join(path, "..");
  await rm(folder, { recursive: true, force: true });
  // What marks an interrupted installation for the CLI.
  await rm(`${folder}.partial`, { force: true });
  await mkdir(folder, { recursive: true });
}
