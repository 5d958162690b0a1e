import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import { cache, type Home } from "../../home.ts";

/** Bytes of a socket's path that Linux takes, without the zero after them. */
const LONGEST = 107;
/** What a second socket beside it may be called, at most this much longer. */
const SPARE = ".otel".length;

/** Where the builder listens: in the clone, or, where that path is too long, in another folder of this user's own. */
export function builderSocket({ root, run }: Pick<Home, "root" | "run">, tools = cache): string {
  return privateSocket(join(run, "buildkitd.sock"), root, tools);
}

/** A socket at `path`, or, where that is too long, in another folder of this user's own. @param of what tells it from others */
export function privateSocket(path: string, of = path, tools = cache): string {
  const short = `${createHash("sha256").update(of).digest("hex").slice(0, 16)}.sock`;
  const last = join("/tmp", `strata-${ownId()}`, short);
  const places = [path, join(tools, "run", short)];
  return places.find((place) => Buffer.byteLength(place) + SPARE <= LONGEST) ?? last;
}

/** Where somebody is about to listen: a path like privateSocket's with nothing at it, in a folder that nobody else gets into. */
export async function freshSocket(path: string): Promise<string> {
  const socket = privateSocket(path);
  await makePrivate(dirname(socket));
  await rm(socket, { force: true });
  return socket;
}

/** Makes sure of a folder that nobody else gets into. @throws UserError where it is somebody else's already */
export async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== ownId()) {
    throw new UserError(
      folder,
      "is not a folder of yours.",
      "Remove it, or set STRATA_HOME to a shorter path.",
    );
  }
  await chmod(folder, 0o700);
}

/** Not userInfo() of Node, which fails where the user has no name: in a container of somebody else's. */
function ownId(): number | undefined {
  return process.getuid?.();
}
