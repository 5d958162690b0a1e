import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { cache, type Home } from "../../home.ts";
import { recall, writeJson } from "../program/files.ts";
import { note } from "../program/progress.ts";
import { goModules, hashFolder } from "./go-build.ts";
import { pluginPath } from "./plugins.ts";
import { type ResolvedTool, resolveTool } from "./resolve-tool.ts";
import { type ToolName, toolNames, tools } from "./tools.ts";

const chosenTool = z.strictObject({
  path: z.string(),
  version: z.string(),
  source: z.string(),
  /** When the program was last changed, in milliseconds: an upgraded tool is looked at again. */
  changed: z.number(),
});
const record = z.strictObject({
  key: z.string(),
  tools: z.partialRecord(z.enum(toolNames), chosenTool),
});
type Record = z.infer<typeof record>;

/** The programs that were chosen, by name. */
export type Toolchain = { readonly [name in ToolName]?: ResolvedTool };

const pulumiTools = [
  "pulumi",
  "pulumi-language-nodejs",
  "pulumi-resource-docker-build",
  "pulumi-resource-command",
] as const satisfies readonly ToolName[];

/** What every stack needs; beside that, what a machine without a Docker engine needs, and one that builds elsewhere. */
export const neededTools = {
  docker: pulumiTools,
  buildkitd: [...pulumiTools, "buildkitd", "buildctl", "registry", "runc"],
  elsewhere: [...pulumiTools, "buildctl"],
} as const satisfies { [kind: string]: readonly ToolName[] };

/**
 * Makes sure of the tools `names`. What was chosen before is taken without asking it anything, as long as the table
 * of tools is the same and the program is there unchanged. The first time, one line a tool says where it came from.
 */
export async function ensureTools(home: Home, names: readonly ToolName[], quiet = false): Promise<Toolchain> {
  const key = tableKey();
  const recalled = await recall(home.toolchain, record);
  const toolRecord: Record = recalled?.key === key ? recalled : { key, tools: {} };
  const missing = names.filter((name) => !isUnchanged(name, toolRecord.tools[name], home));
  if (missing.length === 0) {
    if (!quiet) note("toolchain: unchanged");
    return toolRecord.tools;
  }
  if (Object.keys(toolRecord.tools).length === 0)
    note(`toolchain: node ${process.versions.node}, ${process.execPath}`);
  // Links of another table of tools would be found first on PATH.
  if (toolRecord !== recalled) await rm(home.bin, { recursive: true, force: true });
  await mkdir(home.bin, { recursive: true });
  for (const name of missing) {
    const pulumi = toolRecord.tools.pulumi;
    const where = { home, cache, path: searchPath(home), ...(pulumi ? { pulumi } : {}) };
    const resolved = await resolveTool(name, where);
    note(`toolchain: ${name} ${resolved.version}, ${resolved.source} (${resolved.path})`);
    toolRecord.tools[name] = { ...resolved, changed: changedAt(resolved.path) ?? 0 };
    if (!tools[name].plugin) await link(resolved.path, join(home.bin, name));
    // Written after each tool, so that an interrupted run goes on with the next one.
    await writeJson(home.toolchain, toolRecord);
  }
  return toolRecord.tools;
}

/** PATH without our own folder of links, which would otherwise be found as if it were the user's. */
function searchPath(home: Home): string {
  const folders = (process.env.PATH ?? "").split(":");
  return folders.filter((folder) => folder && folder !== home.bin).join(":");
}

function isUnchanged(name: ToolName, tool: z.infer<typeof chosenTool> | undefined, home: Home): boolean {
  if (!tool || changedAt(tool.path) !== tool.changed) return false;
  return changedAt(tools[name].plugin ? pluginPath(home.pulumi, name) : join(home.bin, name)) !== undefined;
}

function changedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** Changes when a choice could come out differently: another table, pinned module, Node or clone. */
function tableKey(): string {
  const parts = [tools, hashFolder(goModules), process.execPath, import.meta.dirname];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

async function link(target: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}
