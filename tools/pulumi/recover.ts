import { readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../../home.ts";
import { usesFileBackend } from "../program/environment.ts";
import { run } from "../program/exec.ts";
import { commandLine, identify, parentOf, terminateProcess } from "../program/processes.ts";
import { note } from "../program/progress.ts";
import { readOptional, type Stack, statePath } from "../stack/stack.ts";
import { refuseHeld, updateLocks } from "./locks.ts";

/** Milliseconds that an orphaned plugin has to end its build. */
const PATIENCE_MS = 5_000;

/**
 * Clears away what a killed run left: its lock, plugins that still build for it, and operations of which nobody
 * knows how they ended. All of that only where the lock's process is gone; a run that is going on is an error.
 * Only our own file backend is touched; another backend has its own ways.
 */
export async function recover(home: Home, stack: Stack): Promise<void> {
  if (!usesFileBackend()) return;
  const locks = updateLocks(home, stack);
  refuseHeld(stack.name, locks);
  for (const { path } of locks) await rm(path, { force: true });
  const orphans = locks.length > 0 ? orphanedPlugins(home) : [];
  await Promise.all(orphans.map((orphan) => terminateProcess(orphan, PATIENCE_MS)));
  const pending = pendingOperations(await readOptional(statePath(home, stack)));
  if (pending > 0) await dropPending(home, stack);
  if (locks.length + orphans.length + pending > 0) {
    note(
      `pulumi: cleared away what an interrupted run left (${pending} operations whose end is unknown run again)`,
    );
  }
}

/** How many operations a state says were begun and not finished. */
export function pendingOperations(state: string): number {
  if (!state) return 0;
  try {
    return JSON.parse(state).checkpoint?.latest?.pending_operations?.length ?? 0;
  } catch {
    return 0;
  }
}

/** Plugins of this home whose engine is gone: they have been handed over to a process that is no Pulumi. */
function orphanedPlugins(home: Home) {
  const plugins = join(home.pulumi, "plugins");
  return readdirSync("/proc").flatMap((entry) => {
    const pid = Number(entry);
    if (!pid || !commandLine(pid)[0]?.startsWith(`${plugins}/`)) return [];
    const parent = parentOf(pid);
    const adopted = parent !== undefined && commandLine(parent)[0]?.split("/").at(-1) !== "pulumi";
    const identity = adopted ? identify(pid) : undefined;
    return identity ? [identity] : [];
  });
}

/** `pulumi stack import` drops the pending operations of what it imports. */
async function dropPending(home: Home, stack: Stack): Promise<void> {
  const file = join(home.run, `${stack.name}-recovery.json`);
  const options = { cwd: stack.folder, env: stack.environment };
  await run(stack.pulumi, ["stack", "export", "--stack", stack.name, "--file", file], options);
  await run(stack.pulumi, ["stack", "import", "--stack", stack.name, "--file", file], options);
  await rm(file, { force: true });
}
