import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { installPackage } from "./debian.ts";
import { download } from "./download.ts";
import { findOnPath, isExecutable } from "./find.ts";
import { goBuild } from "./go-build.ts";
import { downloadPlugin, linkPlugin, usersPlugin, writeScriptPlugin } from "./plugins.ts";
import { type ToolName, tools } from "./tools.ts";

/** Where a tool was taken from, in the words of the line that says so. */
export interface ResolvedTool {
  readonly path: string;
  readonly version: string;
  readonly source: string;
}

/** What resolving needs to know beside the tool. */
export interface ToolContext {
  readonly home: Home;
  readonly cache: string;
  /** A PATH to search. */
  readonly path: string;
  /** The Pulumi CLI, once that is resolved: it fetches plugins and may carry the language host. */
  readonly pulumi?: ResolvedTool;
}

/**
 * Finds, fetches or builds one tool: what is there already in a suitable version, then the official download, then
 * its Go module, then the Debian package, then the stand-in of this clone.
 */
export async function resolveTool(name: ToolName, where: ToolContext): Promise<ResolvedTool> {
  const tool = tools[name];
  const present = await findPresent(name, where);
  if (present.path !== undefined) return present;

  if (tool.plugin && where.pulumi) {
    const path = await downloadPlugin(name, where.pulumi.path, where.home);
    if (path) return { path, version: tool.version, source: "official download" };
  }
  if (tool.release) {
    const path = await download(tool.release, where.cache);
    if (path) {
      if (tool.plugin) await linkPlugin(name, path, where.home);
      return { path, version: tool.version, source: "official download" };
    }
  }
  if (tool.go) {
    const version = tool.go.version ?? tool.version;
    const { path, built } = await goBuild(name, version, tool.go, where.cache);
    if (tool.plugin) await linkPlugin(name, path, where.home);
    return {
      path,
      version,
      source: built ? "built from its Go module" : "built earlier from its Go module",
    };
  }
  if (tool.debian) {
    await installPackage(tool.debian);
    const installed = await findPresent(name, where);
    if (installed.path !== undefined) return { ...installed, source: "Debian package" };
    throw new UserError(
      name,
      `is installed, but will not do: ${installed.rejected}.`,
      `Install ${toolRequirement(name)}.`,
    );
  }
  if (tool.script) {
    const path = await writeScriptPlugin(name, tool.script, where.home);
    return {
      path,
      version: tool.version,
      source: "this clone's stand-in, as the official plugin is out of reach",
    };
  }
  throw new UserError(name, "cannot be had from anywhere.", `Put ${toolRequirement(name)} on PATH.`);
}

type Present = ResolvedTool | { readonly path?: never; readonly rejected: string };

/** Looks at what is on the machine already. */
async function findPresent(name: ToolName, { path, pulumi, home }: ToolContext): Promise<Present> {
  const tool = tools[name];
  if (tool.accepts) {
    const search = await findOnPath(name, tool.accepts.ask, tool.accepts.range, path);
    if (search.path === undefined) return { rejected: search.rejected.join(", ") || "there is none" };
    return { path: search.path, version: search.version, source: "on PATH" };
  }
  if (!tool.plugin) return { rejected: "there is none" };
  // The language host belongs to the CLI that it came with.
  const beside = pulumi && tool.plugin.kind === "language" ? join(dirname(pulumi.path), name) : undefined;
  const users = usersPlugin(name);
  const program = beside && isExecutable(beside) ? beside : users;
  if (program) {
    await linkPlugin(name, program, home);
    const source = program === users ? "the user's Pulumi plugins" : "beside pulumi";
    return { path: program, version: tool.version, source };
  }
  return { rejected: "there is none" };
}

function toolRequirement(name: ToolName): string {
  const { accepts, version } = tools[name];
  return `${name} ${accepts ? accepts.range : version}`;
}
