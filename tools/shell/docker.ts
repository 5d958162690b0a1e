import { execa } from "execa";
import { pushImage } from "../../oci/push.ts";
import { deferInterrupts } from "../main.ts";
import { type Session, sessionArgs } from "./session.ts";

/**
 * Runs a session in a container of the Docker engine. Its image is only a manifest: the layers are in the registry.
 *
 * @returns the exit code
 */
export async function runInDocker(session: Session): Promise<number> {
  const { image, hostname, terminal } = session;
  const [first] = image.layers;
  if (!first) throw new Error("a session has layers");
  const layers = image.layers.map(({ layer }) => layer);
  const reference = await pushImage(first.reference, image.config, layers);
  const [entrypoint = "", ...args] = sessionArgs(session);
  const child = execa(
    "docker",
    [
      ...["run", "--rm", "--interactive", ...(terminal ? ["--tty"] : [])],
      ...["--network", "host", "--hostname", hostname, "--env", "TERM"],
      ...["--entrypoint", entrypoint, reference, ...args],
    ],
    { stdio: "inherit", reject: false },
  );
  const result = await deferInterrupts(
    (signal) => child.kill(signal),
    async () => await child,
  );
  return result.exitCode ?? 1;
}
