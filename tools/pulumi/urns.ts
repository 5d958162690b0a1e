import type { Plan, Stage } from "../../lib/plan/plan.ts";
import type { RecordedStack } from "../../lib/state/recorded-stack.ts";
import type { Stack } from "../stack/stack.ts";
import { nameOf } from "./engine-events.ts";
import type { ExpectedSeconds } from "./live.ts";

/** Names of a stack's resources (URNs): Pulumi makes them of the types of the components around each. */

/** The URNs of what belongs to a part; the registry's type says which kind it is. */
export function targetsOf(
  { name, project }: Pick<Stack, "name" | "project">,
  plan: Pick<Plan, "recipe"> & { readonly stages: readonly Pick<Stage, "name" | "bulk">[] },
  stages: readonly string[],
): string[] {
  const prefix = `urn:pulumi:${name}::${project}::`;
  const { recipe } = plan;
  const image = "strata:index:LayeredImage";
  const isBulk = (stageName: string) => plan.stages.some((stage) => stage.name === stageName && stage.bulk);
  return [
    `${prefix}**::registry`,
    `${prefix}${image}::${recipe}`,
    ...stages.flatMap((stageName) => {
      const [stage, work] = isBulk(stageName)
        ? ["strata:index:BulkStage", "command:local:Command"]
        : ["strata:index:ImageStage", "docker-build:index:Image"];
      return [
        `${prefix}${image}$${stage}::${recipe}-${stageName}`,
        `${prefix}${image}$${stage}$${work}::${recipe}-${stageName}`,
      ];
    }),
  ];
}

/**
 * What makes Pulumi run the smoke test of a recipe although it knows the image.
 *
 * @param record of the stack's state: a test that never ran cannot run again, and runs by itself
 */
export function retestArguments(
  { name, project }: Pick<Stack, "name" | "project">,
  recipe: string,
  record: RecordedStack,
): string[] {
  if (!record.hasTest || record.recipe !== recipe) return [];
  const type = "strata:index:SmokeTest$command:local:Command";
  return ["--replace", `urn:pulumi:${name}::${project}::${type}::${recipe}-smoke`];
}

function targetsIn(args: readonly string[]): string[] {
  // What --replace names is made again beside everything else.
  return args.filter((_, index) => args[index - 1] === "--target");
}

/** Names of the resources that an update is targeted at, as `buildStages` does; undefined for one that is about all. */
export function targetedNames(args: readonly string[]): string[] | undefined {
  const urns = targetsIn(args);
  return urns.length === 0 ? undefined : urns.map(nameOf);
}

/** What builds: a component around it may have its name, as the product's has. */
const builds = /\$(docker-build:index:Image|command:local:Command)::/;

/** An update that is targeted at resources builds no others. */
export function targeted(expected: ExpectedSeconds, args: readonly string[]): ExpectedSeconds {
  const urns = targetsIn(args);
  if (urns.length === 0) return expected;
  const names = urns.filter((urn) => builds.test(urn)).map(nameOf);
  return new Map([...expected].filter(([name]) => names.includes(name)));
}
