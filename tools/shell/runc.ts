import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import type { SessionImage } from "../../oci/join-layers.ts";
import { openLayer } from "../../oci/read/image.ts";
import { attempt, tail } from "../program/exec.ts";
import { writeJson } from "../program/files.ts";
import { deferInterrupts } from "../program/main.ts";
import { identify } from "../program/processes.ts";
import { withProgress } from "../program/progress.ts";
import { bundleConfig } from "./bundle.ts";
import { contextFolder, type Session, type SessionResult, sessionArgs, streamsOf } from "./session.ts";

const script = (name: string) => join(import.meta.dirname, name);

/**
 * Runs a session with runc on the stages' layers, unpacked once and laid over each other; what it writes is gone
 * when it ends.
 */
export async function runWithRunc(home: Home, runc: string, session: Session): Promise<SessionResult> {
  const layers = await unpackLayers(home, session.image);
  const bundles = join(home.shell, "runs");
  const container = { runc, state: join(home.run, "runc") };
  await clearDead(bundles, container);
  await mkdir(bundles, { recursive: true });
  const bundle = await mkdtemp(join(bundles, `${process.pid}-`));
  const { hostname, terminal, image, context } = session;
  const environment = { HOME: "/root", TERM: process.env.TERM || "dumb", ...image.environment };
  try {
    for (const folder of ["upper", "work", "rootfs"]) await mkdir(join(bundle, folder));
    // The upper folder is what `/` looks like, to users other than root as well.
    await chmod(join(bundle, "upper"), 0o755);
    const args = sessionArgs(session);
    const folders = context ? [{ source: context, destination: contextFolder }] : [];
    const config = bundleConfig({ hostname, args, environment, terminal, folders });
    await writeJson(join(bundle, "config.json"), config);
    const lower = layers.toReversed().join(":");
    const child = execa(
      "setpriv",
      [
        // Whatever ends this process ends all that it began: processes and mounts are in namespaces of their own.
        "--pdeathsig",
        "KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-eu",
        script("enter.sh"),
        join(home.shell, "layers"),
        lower,
        bundle,
        runc,
        container.state,
        nameOf(bundle),
      ],
      streamsOf(session),
    );
    const result = await deferInterrupts(
      (signal) => child.kill(signal),
      async () => await child,
    );
    return { code: result.exitCode ?? 1, stdout: result.stdout ?? "" };
  } finally {
    await clear(bundle, container);
  }
}

/** Unpacks what is not yet there; returns the folders' names, the lowest layer first. */
async function unpackLayers(home: Home, { layers }: SessionImage): Promise<string[]> {
  const root = join(home.shell, "layers");
  await mkdir(root, { recursive: true });
  const folders: string[] = [];
  for (const { reference, layer } of layers) {
    const folder = layer.digest.replace(/^\w+:/, "").slice(0, 16);
    folders.push(folder);
    if (existsSync(join(root, folder))) continue;
    const draft = await mkdtemp(join(root, `${folder}.`));
    await withProgress(`Unpacking ${reference} (${folders.length} of ${layers.length} layers)`, async () => {
      const tar = openLayer(reference, layer);
      const result = await execa("sh", ["-eu", script("unpack.sh"), draft], {
        input: tar,
        reject: false,
        all: true,
      });
      if (!result.failed) return;
      await rm(draft, { recursive: true, force: true });
      throw new UserError(
        reference,
        `cannot be unpacked:\n${tail(result.all || (result.shortMessage ?? ""), 10)}\n`,
        "",
      );
    });
    // Another shell may have been faster; its folder is the same.
    await rename(draft, join(root, folder)).catch(() => rm(draft, { recursive: true, force: true }));
  }
  return folders;
}

/** Which runc, and where it keeps what it knows. */
interface Container {
  readonly runc: string;
  readonly state: string;
}

/** Clears away what killed shells left: their processes are gone with them. */
async function clearDead(bundles: string, container: Container): Promise<void> {
  for (const bundle of await readdir(bundles).catch(() => [])) {
    if (!identify(Number(bundle.split("-")[0]))) await clear(join(bundles, bundle), container);
  }
}

async function clear(bundle: string, { runc, state }: Container): Promise<void> {
  await attempt(runc, ["--root", state, "delete", "--force", nameOf(bundle)]);
  await rm(bundle, { recursive: true, force: true });
}

function nameOf(bundle: string): string {
  return `strata-${basename(bundle)}`;
}
