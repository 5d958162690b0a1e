import { comfyuiName, type ModelInput, type NodeClasses } from "../../locks/node-classes.ts";

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
    modelInputs: (type) => read.find(({ models }) => type in models)?.models[type] ?? {},
    runsAlone: (type) => read.some(({ alone }) => alone.includes(type)),
    isLocked: (name) => name in repositories,
    locked: () => Object.keys(repositories),
  };
}
