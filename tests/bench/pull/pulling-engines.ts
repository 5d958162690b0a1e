/** Engines that fetch and unpack an image, each with a store of its own below a folder. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { note } from "../../../tools/program/progress.ts";
import { type Engine, startEngine, whyNoEngine } from "../../integration/support/engine.ts";
import { clearPodman, makePodman, whyNoPodman } from "../../integration/support/podman.ts";

export interface PullingEngine {
  readonly name: string;
  pull(reference: string): Promise<void>;
  /** Removes the image and its layers. */
  forget(reference: string): Promise<void>;
}

/** Those that can be had here. */
export async function openEngines(
  folder: string,
): Promise<AsyncDisposable & { readonly engines: readonly PullingEngine[] }> {
  const engines: PullingEngine[] = [];
  const cleanups = new AsyncDisposableStack();
  const noEngine = whyNoEngine();
  if (noEngine) note(`no Docker and no containerd: ${noEngine}`);
  else {
    const engine = cleanups.use(await startEngine());
    engines.push(dockerEngine(engine), containerdEngine(engine));
  }
  const noPodman = whyNoPodman();
  if (noPodman) note(`no podman: ${noPodman}`);
  else {
    engines.push(podmanEngine(folder));
    cleanups.defer(() => clearPodman(folder));
  }
  return { engines, [Symbol.asyncDispose]: () => cleanups.disposeAsync() };
}

function dockerEngine(engine: Engine): PullingEngine {
  const docker = async (...words: string[]) => {
    const { exitCode, all } = await engine.docker(...words);
    if (exitCode !== 0) throw new Error(`docker ${words[0]}: ${all}`);
  };
  return {
    name: `Docker ${engine.version}`,
    pull: (reference) => docker("pull", "--quiet", reference),
    forget: (reference) => docker("image", "rm", reference),
  };
}

/** The containerd that Docker brings, asked by its own client in the engine's root. */
function containerdEngine(engine: Engine): PullingEngine {
  const socket = engine.environment.DOCKER_HOST.replace("unix://", "");
  const pid = readFileSync(join(socket, "../pid"), "utf8").trim();
  const ctr = async (...words: string[]) => {
    const inside = [`--mount=/proc/${pid}/ns/mnt`, `--root=/proc/${pid}/root`, "--", "ctr"];
    const asked = ["--address", "/run/docker/containerd/containerd.sock", "--namespace", "bench"];
    await execa("nsenter", [...inside, ...asked, ...words]);
  };
  return {
    name: "containerd",
    pull: (reference) => ctr("images", "pull", "--plain-http", reference),
    forget: (reference) => ctr("images", "rm", "--sync", reference),
  };
}

function podmanEngine(folder: string): PullingEngine {
  const podman = makePodman(folder);
  return {
    name: "podman",
    pull: async (reference) =>
      void (await execa(podman, ["pull", "--quiet", "--tls-verify=false", reference])),
    forget: async (reference) => void (await execa(podman, ["rmi", "--force", reference])),
  };
}
