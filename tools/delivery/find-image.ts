import { UserError } from "../../errors.ts";
import { type Home, projectFolder } from "../../home.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { type Image, readImage } from "../../oci/read/image.ts";
import { formatReference, parseReference, type Reference } from "../../oci/references.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { prepareRegistries } from "../setup/registries.ts";
import { namedStackConfig, planStackIn } from "../stack/checkout-plan.ts";

/** An image that is to leave its registry. */
export interface DeliveredImage {
  readonly reference: Reference;
  readonly image: Image;
  /** `strata:starter-cpu`: what people call it without its registry. */
  readonly name: string;
}

/** What is asked for: an image by its reference, or the product of a stack. */
export interface DeliveryChoice {
  readonly reference?: string | undefined;
  readonly stack: string;
}

/** Reads what is to be delivered. A stack's product is what its first tag points at: it has passed its test. */
export async function findImage(
  home: Home,
  { reference, stack }: DeliveryChoice,
  transport: Transport,
): Promise<DeliveredImage> {
  const source = parseReference(reference ?? (await productTag(home, stack, transport)));
  const image = await readImage(source, transport);
  return { reference: source, image, name: plainName(source, image.digest) };
}

async function productTag(home: Home, stack: string, transport: Transport): Promise<string> {
  const [registry = ""] = await prepareRegistries(home, await namedStackConfig(projectFolder, stack));
  const { planned } = await planStackIn(projectFolder, stack, home);
  const [tag] = planned.tags;
  if (tag === undefined)
    throw new UserError("strata:tags", "is empty.", "Name the image: --reference repository@sha256:….");
  const reference = `${registry}:${tag}`;
  if ((await digestOfTag(reference, transport)) !== undefined) return reference;
  throw new UserError(
    reference,
    "is not there: no product of this stack has passed its test.",
    `\`make up STACK=${stack}\` builds and tests one; --reference names another image.`,
  );
}

/** The last part of the repository with the tag, or else the beginning of the digest. */
export function plainName({ repository: path, tag }: Reference, digest: string): string {
  return `${path.slice(path.lastIndexOf("/") + 1)}:${tag ?? digest.slice("sha256:".length, 19)}`;
}

/** `repository@sha256:…` */
export function byDigest({ reference: { registry, repository: path }, image }: DeliveredImage): string {
  return formatReference({ registry, repository: path, digest: image.digest });
}
