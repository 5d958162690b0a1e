/** States of Pulumi stacks, as its engine writes them. */

export interface SampleStage {
  readonly key: string;
  /** What its component registered, where that is not the key that was built. */
  readonly registered?: object | undefined;
  readonly bytes?: number;
  readonly inputs?: Readonly<Record<string, string>>;
  /** Whether a command builds it. @default false */
  readonly bulk?: boolean;
  /** Whether its image is there. @default true */
  readonly built?: boolean;
}

export interface SampleState {
  readonly recipe?: string;
  readonly stack?: string;
  /** By layer; under the recipe's name the product. */
  readonly stages: Readonly<Record<string, SampleStage>>;
  /** What LayeredImage, SmokeTest and others registered, by `type name`. */
  readonly components?: Readonly<Record<string, object>>;
  /** Commands below these, by the name of the component, and their outputs. */
  readonly commands?: Readonly<Record<string, object>>;
  /** What the stack exports. */
  readonly outputs?: object;
}

export const sampleKey = (digit: string): string => digit.repeat(20);
export const sampleDigest = (digit: string): string => `sha256:${digit.repeat(64)}`;
export const sampleRepository = "registry.example/team/strata";

/** The resources of a stack of that recipe. */
export function sampleResources({
  recipe = "starter",
  stages,
  components = {},
  commands = {},
  outputs = {},
}: SampleState) {
  const prefix = "urn:pulumi:ada::strata::";
  const root = `${prefix}pulumi:pulumi:Stack::strata-ada`;
  const image = `${prefix}strata:index:LayeredImage::${recipe}`;
  const component = (type: string, name: string, registered: object, parent = root) => ({
    urn:
      parent === root ? `${prefix}${type}::${name}` : `${prefix}strata:index:LayeredImage$${type}::${name}`,
    type,
    custom: false,
    parent,
    outputs: registered,
  });
  const custom = (type: string, parent: { urn: string; type: string }, made: object) => {
    const name = parent.urn.split("::").at(-1);
    return {
      urn: `${parent.urn.split("::").slice(0, -1).join("::")}$${type}::${name}`,
      type,
      custom: true,
      parent: parent.urn,
      outputs: made,
    };
  };
  return [
    { urn: root, type: "pulumi:pulumi:Stack", custom: false, outputs },
    component("strata:index:LayeredImage", recipe, components[`strata:index:LayeredImage ${recipe}`] ?? {}),
    ...Object.entries(stages).flatMap(
      ([name, { key, bulk = false, built = true, bytes, inputs, registered }]) => {
        const tag = `${name === recipe ? "product" : "stage"}-${name}-${key}`;
        const digest = sampleDigest(key[0] ?? "0");
        const type = bulk ? "BulkStage" : name === recipe ? "ProductImage" : "ImageStage";
        const stage = component(
          `strata:index:${type}`,
          name === recipe ? recipe : `${recipe}-${name}`,
          registered ?? {
            key,
            inputs: inputs ?? { "file:Dockerfile": "1" },
            digest,
            compressedSize: bytes ?? 100,
          },
          image,
        );
        const target = `${sampleRepository}:${tag}`;
        const work =
          type !== "ImageStage"
            ? custom("command:local:Command", stage, {
                environment: { STRATA_TARGET: target },
                stdout: bulk ? "x" : `${sampleRepository}@${digest}\n`,
              })
            : custom("docker-build:index:Image", stage, {
                digest,
                exports: [{ raw: `type=registry,name=${target},push=true` }],
              });
        return built ? [stage, work] : [stage];
      },
    ),
    ...Object.entries(components)
      .filter(([id]) => !id.startsWith("strata:index:LayeredImage "))
      .flatMap(([id, registered]) => {
        const [type = "", name = ""] = id.split(" ");
        const found = component(type, name, registered);
        const command = commands[name];
        return command ? [found, custom("command:local:Command", found, command)] : [found];
      }),
  ];
}

/** The same as a file of Pulumi's file backend. */
export function sampleState(sample: SampleState) {
  return { version: 3, checkpoint: { stack: "ada", latest: { resources: sampleResources(sample) } } };
}
