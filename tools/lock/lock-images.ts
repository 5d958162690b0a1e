import { throwAll, UserError } from "../../errors.ts";
import { type CoolDown, coolDownWords, newestAllowed, noCoolDown } from "../../lib/lock-making/cool-down.ts";
import type { ImageLock, LockedImage } from "../../lib/locks/image-lock.ts";
import { Transport } from "../../oci/access/transport.ts";
import { readImage } from "../../oci/read/image.ts";
import { readManifest } from "../../oci/read/stored-manifest.ts";
import { parseReference, type Reference } from "../../oci/references.ts";
import type { ReportProgress } from "../program/progress.ts";

/** What the lock says of a digest that the registry itself gave. */
function origin(coolDown: CoolDown): string {
  const words = coolDownWords(coolDown);
  const waited = words === undefined ? "" : ` Cool-down: ${words}.`;
  return `Asked at its registry, by \`npm run lock -- images\`.${waited}`;
}

/** Leaves images that are too young where they are. */
export interface ImageCoolDown {
  readonly coolDown: CoolDown;
  /** Is told what did not move, and why. */
  readonly tell: (text: string) => void;
}

/** The digest that each base image's tag has now; all that cannot be asked is told together. */
export async function lockImages(
  lock: ImageLock,
  say: ReportProgress = () => {},
  transport = new Transport(),
  waiting: ImageCoolDown = { coolDown: noCoolDown, tell: () => {} },
): Promise<ImageLock> {
  const problems: UserError[] = [];
  const fresh: [string, LockedImage][] = [];
  for (const [name, image] of Object.entries(lock)) {
    say(name);
    const reference = parseReference(image.reference);
    try {
      const { digest } = await readManifest(transport, reference, reference.tag ?? "latest");
      const stays =
        digest === image.digest || (await isTooYoung(transport, name, { ...reference, digest }, waiting));
      fresh.push([name, stays ? image : { ...image, digest, source: origin(waiting.coolDown) }]);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
    }
  }
  throwAll("locks/images.json", problems);
  return Object.fromEntries(fresh);
}

/** Whether an image was made too short a time ago. Some say 1970, for builds that come out equal: that is no date. */
async function isTooYoung(
  transport: Transport,
  name: string,
  reference: Reference,
  { coolDown, tell }: ImageCoolDown,
): Promise<boolean> {
  const newest = newestAllowed(coolDown, name, Date.now());
  if (!newest) return false;
  const { config } = await readImage(reference, transport);
  const made = new Date(String(config.created ?? ""));
  const day =
    Number.isNaN(made.getTime()) || made.getTime() <= 0 ? undefined : made.toISOString().slice(0, 10);
  if (day === undefined) tell(`${name}: the new image does not say when it was made, and is taken`);
  if (day === undefined || made <= newest) return false;
  tell(`${name}: the new image is of ${day}, younger than the cool-down: the old one stays`);
  return true;
}
