/** What is built, one case after the other: the change, and on which builder. */
export const cases = {
  cold: "everything, from nothing",
  nothing: "nothing changed",
  script: "the start script",
  node: "one node",
  package: "one package of a middle group",
  torch: "torch moved",
  generation: "a second generation",
} as const;
export type CaseName = keyof typeof cases;
export const caseNames = Object.keys(cases) as CaseName[];

/** Builder: as the last build left it, or empty, as in each run of CI. */
export type BuilderState = "warm" | "empty";

/** At most so many times the better peer's time; from the issue that asked for the bench. */
export const goals: { readonly [name in CaseName]?: number } = {
  nothing: 3,
  script: 0.06,
  node: 0.06,
  package: 0.2,
  cold: 0.8,
  generation: 0.3,
};

/** What is measured of one who builds, in this order: each build has the changes of all before it. */
export function sequence(names: readonly CaseName[]): readonly (readonly [CaseName, BuilderState])[] {
  const changes = names.filter((name) => name !== "cold");
  return [
    // From nothing there is no warm builder.
    ["cold", "empty"],
    ...changes.map((name) => [name, "warm"] as const),
    // Torch would go back to what the registry has seen.
    ...changes.filter((name) => name !== "torch").map((name) => [name, "empty"] as const),
  ];
}
