import { throwAll, UserError } from "../../errors.ts";
import type { ImageLock, LockedImage } from "../../lib/locks/image-lock.ts";
import { Transport } from "../../oci/access/transport.ts";
import { readManifest } from "../../oci/read/stored-manifest.ts";
import { parseReference } from "../../oci/references.ts";
import type { ReportProgress } from "../program/progress.ts";

/** What the lock says of a digest that the registry itself gave. */
const digestOrigin = "Asked at its registry, by `npm run lock -- images`.";

/** The digest that each base image's tag has now; all that cannot be asked is told together. */
export async function lockImages(
  lock: ImageLock,
  say: ReportProgress = () => {},
  transport = new Transport(),
): Promise<ImageLock> {
  const problems: UserError[] = [];
  const fresh: [string, LockedImage][] = [];
  for (const [name, image] of Object.entries(lock)) {
    say(name);
    const reference = parseReference(image.reference);
    try {
      const { digest } = await readManifest(transport, reference, reference.tag ?? "latest");
      fresh.push([name, digest === image.digest ? image : { ...image, digest, source: digestOrigin }]);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
    }
  }
  throwAll("locks/images.json", problems);
  return Object.fromEntries(fresh);
}
