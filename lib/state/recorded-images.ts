import { recordedResources, resourceName } from "./recorded-resources.ts";

/** An image that a state says is there. */
export interface RecordedImage {
  /** `repository@sha256:…` */
  readonly reference: string;
  /** The resource that made it. */
  readonly urn: string;
}

const makers = ["ImageStage", "BulkStage", "ProductImage", "JoinedImage", "Attestation"].map(
  (name) => `strata:index:${name}`,
);
const movers = ["SmokeTest", "Attestation", "Promotion", "ProductCopy"].map((name) => `strata:index:${name}`);

/**
 * The images of a recipe, and the resources that tested it and moved its tags: these say nothing of themselves once the
 * product is gone.
 */
export function recordedImages(
  state: unknown,
  recipe: string,
): {
  readonly images: readonly RecordedImage[];
  readonly product: unknown;
  readonly movers: readonly string[];
} {
  const resources = recordedResources(state);
  const components = new Map(resources.map((resource) => [resource.urn, resource]));
  const works = resources.flatMap((resource) => {
    const component = resource.custom ? components.get(resource.parent ?? "") : undefined;
    return component ? [{ urn: resource.urn, component }] : [];
  });
  const isOurs = (name: string) => name === recipe || name.startsWith(`${recipe}-`);
  const ofTypes = (types: readonly string[]) =>
    works.filter(({ component }) => types.includes(component.type) && isOurs(resourceName(component)));
  const image = resources.find(
    (resource) => resource.type === "strata:index:LayeredImage" && resourceName(resource) === recipe,
  );
  return {
    images: ofTypes(makers).flatMap(({ urn, component: { outputs } }) => {
      // What is stated of a product is several.
      const made: unknown[] = Array.isArray(outputs.artifacts) ? outputs.artifacts : [outputs.reference];
      return made
        .filter((reference) => typeof reference === "string")
        .filter((reference) => reference.includes("@"))
        .map((reference) => ({ urn, reference }));
    }),
    product: image?.outputs.reference,
    movers: ofTypes(movers).map(({ urn }) => urn),
  };
}
