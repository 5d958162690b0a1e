import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import type { Stage } from "../../lib/plan/plan.ts";
import { note } from "../program/progress.ts";
import { ensureBuilt } from "../pulumi/build-stages.ts";
import { openStack } from "../pulumi/open-stack.ts";
import { recallServices } from "../services/record.ts";
import { plannedStack, stageReference } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";
import { ensureTools } from "../toolchain/toolchain.ts";
import { runInDocker } from "./docker.ts";
import { runWithRunc } from "./runc.ts";
import { joinedImage, type Session, type SessionResult } from "./session.ts";

/** A stack whose stages this machine can run something in. */
export interface SessionStack {
  readonly stack: Stack;
  readonly planned: Awaited<ReturnType<typeof plannedStack>>;
  /** Whether a Docker engine runs it. */
  readonly docker: boolean;
}

/** Opens a stack to run something in its stages; `command` is what the user typed, for messages. */
export async function openSessionStack(home: Home, name: string, command: string): Promise<SessionStack> {
  const stack = await openStack(home, name);
  const docker = (await recallServices(home))?.builder.kind === "docker";
  if (!docker && process.getuid?.() !== 0) {
    throw new UserError(
      command,
      "needs a Docker engine, or root.",
      "Start Docker and `make clean` to begin again with it, or run the command as root.",
    );
  }
  return { stack, planned: await plannedStack(home, stack), docker };
}

/**
 * Runs a session in stages laid over each other, the lowest first. Those that are not built yet are built first; where
 * that fails, the result has Pulumi's exit code and `built` is false.
 */
export async function runSession(
  home: Home,
  { stack, planned, docker }: SessionStack,
  stages: readonly Stage[],
  session: Omit<Session, "image"> & { readonly environment?: Readonly<Record<string, string>> },
): Promise<SessionResult & { readonly built: boolean }> {
  const { plan, config } = planned;
  const code = await ensureBuilt(home, stack, { plan, config }, stages);
  if (code !== 0) return { code, stdout: "", built: false };
  const references = stages.map((stage) => stageReference(home, config, stage));
  const forBuilds = stages.some(({ role }) => role === "build");
  const environment = { ...(forBuilds ? {} : plan.environment), ...session.environment };
  if (session.terminal) note(`In ${session.hostname}; what you write here is gone when you leave.`);
  const joinedSession: Session = { ...session, image: await joinedImage(references, environment) };
  if (docker) return { ...(await runInDocker(home, joinedSession)), built: true };
  const { runc } = await ensureTools(home, ["runc"], true);
  if (!runc) throw new Error("runc is not resolved");
  return { ...(await runWithRunc(home, runc.path, joinedSession)), built: true };
}
