import { execa } from "execa";
import type { Home } from "../../home.ts";
import { parseReference } from "../../oci/references.ts";
import { pushImage } from "../../oci/write/push.ts";
import { withLogin } from "../builder/docker-login.ts";
import { deferInterrupts } from "../program/main.ts";
import { contextFolder, type Session, type SessionResult, sessionArgs, streamsOf } from "./session.ts";

/**
 * Runs a session in a container of the Docker engine. Its image is only a manifest: the layers are in the registry, and
 * the engine gets them with the login that strata keeps for it, else with the user's own.
 */
export async function runInDocker(home: Home, session: Session): Promise<SessionResult> {
  const { image, hostname, terminal, context } = session;
  const [first] = image.layers;
  if (!first) throw new Error("a session has layers");
  const layers = image.layers.map(({ layer }) => layer);
  const reference = await pushImage(first.reference, image.config, layers);
  const [entrypoint = "", ...args] = sessionArgs(session);
  const { registry } = parseReference(reference);
  const words = [
    "run",
    "--rm",
    "--interactive",
    ...(terminal ? ["--tty"] : []),
    "--network",
    "host",
    "--hostname",
    hostname,
    "--env",
    "TERM",
    ...(context ? ["--volume", `${context}:${contextFolder}:ro`] : []),
    "--entrypoint",
    entrypoint,
    reference,
    ...args,
  ];
  const result = await withLogin(home, registry, async (env) => {
    const child = execa("docker", words, { ...streamsOf(session), env });
    return await deferInterrupts(
      (signal) => child.kill(signal),
      async () => await child,
    );
  });
  return { code: result.exitCode ?? 1, stdout: result.stdout ?? "" };
}
