import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { attachedTriggers, lines, type PromotionArgs, promotionEnvironment } from "./promotion.ts";
import type { Registry } from "./registry/registry.ts";
import { step } from "./step.ts";

export interface ProductCopyArgs extends PromotionArgs {
  /** Repository that it is copied to, `host[:port]/path`. */
  readonly target: pulumi.Input<string>;
  /** The product's working tag, which it has in the copy as well: an image without any tag is easily removed. */
  readonly productTag: pulumi.Input<string>;
  /** The image of models that belongs to it, which is copied too, and its working tag. @default none */
  readonly library?:
    | { readonly reference: pulumi.Input<string>; readonly tag: pulumi.Input<string> }
    | undefined;
}

/**
 * A product in a further registry: the blobs that are not there yet, its manifest as it is, its evidence, and then its
 * tags. Nothing is built, so the digest is the same.
 */
export class ProductCopy extends pulumi.ComponentResource {
  /** `repository:tag` for each tag of the copy. */
  readonly tags: pulumi.Output<string[]>;
  readonly nodes: { readonly command: local.Command };

  constructor(name: string, args: ProductCopyArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:ProductCopy", name, {}, options);
    const environment = {
      ...promotionEnvironment(args),
      STRATA_TARGET: args.target,
      STRATA_PRODUCT_TAG: args.productTag,
      ...(args.library
        ? { STRATA_LIBRARY: args.library.reference, STRATA_LIBRARY_TAG: args.library.tag }
        : {}),
    };
    const copy = step(
      name,
      {
        step: "product-copy",
        environment,
        stdin: args.evidence,
        triggers: [
          environment.STRATA_REFERENCE,
          environment.STRATA_TARGET,
          environment.STRATA_TAGS,
          ...attachedTriggers(environment),
          ...(args.library ? [args.library.reference] : []),
        ],
      },
      { parent: this },
    );
    this.nodes = { command: copy };
    this.tags = copy.stdout.apply(lines);
    this.registerOutputs({ tags: this.tags });
  }
}

/** A copy of a product in each of `registries`, by which it is named: first, second and so on. */
export function productCopies(
  name: string,
  registries: readonly Pick<Registry, "repository">[],
  args: Omit<ProductCopyArgs, "target">,
): ProductCopy[] {
  return registries.map(
    ({ repository: target }, index) => new ProductCopy(`${name}-copy-${index + 1}`, { ...args, target }),
  );
}
