/** What the stand-ins of actions share. They run as actions do, copied by act: Node alone, nothing of this repository. */
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

const { address } = JSON.parse(readFileSync(join(import.meta.dirname, "service.json"), "utf8"));

export const run = process.env.GITHUB_RUN_ID ?? "";
export const job = process.env.GITHUB_JOB ?? "";
export const workspace = process.env.GITHUB_WORKSPACE ?? "";

export function input(name: string): string {
  return process.env[`INPUT_${name.toUpperCase()}`] ?? "";
}

export function lines(name: string): string[] {
  return input(name)
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/** Asks the service that the runner lends to actions. Text of an answer that is no success is the error. */
export async function ask(path: string, body?: Uint8Array | string): Promise<Buffer> {
  const init = body === undefined ? {} : { method: "POST", body };
  const response = await fetch(`${address}${path}`, init as RequestInit);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(bytes.toString());
  return bytes;
}

export function exportVariable(name: string, value: string): void {
  appendFileSync(process.env.GITHUB_ENV ?? "", `${name}=${value}\n`);
}

export function program(name: string, ...args: string[]): void {
  execFileSync(name, args, { cwd: workspace, stdio: "inherit" });
}

/** Runs an action: an error is its last line and its failure. */
export async function action(work: () => Promise<void> | void): Promise<void> {
  try {
    await ask(`/begin?run=${run}&job=${job}`);
    await work();
  } catch (error) {
    console.log(`::error::${(error as Error).message}`);
    process.exitCode = 1;
  }
}
