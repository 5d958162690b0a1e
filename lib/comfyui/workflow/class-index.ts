import { comfyuiName, type ModelInput, type NodeClasses, type Opened } from "../../locks/node-classes.ts";

/** Answers about node classes. */
export interface ClassIndex {
  /** Repositories that have the class: ComfyUI first, then those in the node lock, then all others. */
  repositoriesOf(type: string): readonly string[];
  /** Those whose node names follow a pattern that fits. */
  matching(type: string): readonly string[];
  /** Inputs that name models, by name; empty where none does or the class was not read. */
  modelInputs(type: string): Readonly<Record<string, ModelInput>>;
  /** Whether ComfyUI runs it although nothing uses its result. */
  runsAlone(type: string): boolean;
  /**
   * What its code opens or fetches beside the files that its inputs name, as read at the locked commit; unknown where the code
   * was not found, undefined where it is of no locked repository.
   */
  opens(type: string): readonly Opened[] | "unknown" | undefined;
  /** Locked repositories that have the class in another version, with the commit that is locked. */
  elsewhere(type: string): readonly { readonly repository: string; readonly commit: string }[];
  isLocked(repository: string): boolean;
  /** All repositories of the node lock. */
  locked(): readonly string[];
}

export function classIndex({ repositories, others, patterns }: NodeClasses): ClassIndex {
  const holders = new Map<string, string[]>();
  const add = (name: string, classes: readonly string[]) => {
    for (const type of classes) holders.set(type, [...(holders.get(type) ?? []), name]);
  };
  const { [comfyuiName]: comfyui, ...nodes } = repositories;
  if (comfyui) add(comfyuiName, comfyui.classes);
  for (const [name, { classes }] of Object.entries(nodes)) add(name, classes);
  for (const [name, classes] of Object.entries(others)) add(name, classes);
  const read = [...(comfyui ? [comfyui] : []), ...Object.values(nodes)];
  return {
    repositoriesOf: (type) => holders.get(type) ?? [],
    matching: (type) =>
      Object.entries(patterns).flatMap(([name, pattern]) => (new RegExp(pattern).test(type) ? [name] : [])),
    modelInputs: (type) => read.find(({ models }) => Object.hasOwn(models, type))?.models[type] ?? {},
    runsAlone: (type) => read.some(({ alone }) => alone.includes(type)),
    opens: (type) => {
      const holding = read.filter((each) => each.classes.includes(type));
      if (holding.length === 0) return undefined;
      if (holding.some(({ open }) => open.includes(type))) return "unknown";
      return holding.flatMap(({ loads }) => (Object.hasOwn(loads, type) ? (loads[type] ?? []) : []));
    },
    elsewhere: (type) =>
      Object.entries(repositories).flatMap(([repository, { commit, elsewhere }]) =>
        elsewhere.includes(type) ? [{ repository, commit }] : [],
      ),
    isLocked: (name) => name in repositories,
    locked: () => Object.keys(repositories),
  };
}
