import type { Stack } from "../stack/stack.ts";

/**
 * What makes Pulumi run the smoke test of a recipe although it knows the image.
 *
 * @param outputs of the stack's last update: a test that never ran cannot run again, and runs by itself
 */
export function retestArguments(
  { name, project }: Pick<Stack, "name" | "project">,
  recipe: string,
  outputs: Readonly<Record<string, unknown>>,
): string[] {
  if (!outputs.evidence || outputs.recipe !== recipe) return [];
  const type = "strata:index:SmokeTest$command:local:Command";
  return ["--replace", `urn:pulumi:${name}::${project}::${type}::${recipe}-smoke`];
}
