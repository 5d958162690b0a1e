/** What somebody has, before anything of it was looked up: every reader in this room gives one. */
export interface Inventory {
  /** null where the source does not say which ComfyUI it has. */
  readonly comfyui: GitPin | null;
  /** `3.12`; null where it is not said. */
  readonly python: string | null;
  /** `12.8`; null where it is not said. */
  readonly cuda: string | null;
  /** Whether it is a worker for RunPod. */
  readonly isWorker: boolean;
  readonly nodes: readonly FoundNode[];
  /** Python requirements that somebody asks for by name. */
  readonly packages: readonly string[];
  /** `name==version` of all that was installed: preferred where nothing speaks against it. */
  readonly installed: readonly string[];
  readonly models: readonly FoundModel[];
  readonly workflows: readonly FoundWorkflow[];
  readonly left: readonly LeftOut[];
}

/** What is not taken over, and why. */
export interface LeftOut {
  readonly what: string;
  /** A sentence without its end. */
  readonly reason: string;
}

/** A repository, `https://host/owner/name`, and what of it. */
export interface GitPin {
  readonly repository: string;
  /** A full commit, a branch or a tag; null for the newest. */
  readonly ref: string | null;
}

/** A node of Comfy's registry; its newest version where none is said. */
export interface RegistryPin {
  readonly registry: string;
  readonly version: string | null;
  /** Where its own files say that it comes from. */
  readonly repository: string | null;
}

export interface FoundNode {
  readonly origin: GitPin | RegistryPin;
  readonly disabled: boolean;
  /** Below `custom_nodes`, where it is not called like its repository. */
  readonly folder: string | null;
}

export interface FoundModel {
  /** Below ComfyUI's folder: `models/vae`. */
  readonly folder: string;
  readonly name: string;
  readonly url: string | null;
  /** The whole hash, or its first ten digits, as CivitAI's AutoV2 has them. */
  readonly sha256: string | null;
  readonly size: number | null;
}

export interface FoundWorkflow {
  /** Its file's name. */
  readonly name: string;
  readonly text: string;
}

export const nothing: Inventory = {
  comfyui: null,
  python: null,
  cuda: null,
  isWorker: false,
  nodes: [],
  packages: [],
  installed: [],
  models: [],
  workflows: [],
  left: [],
};

/** How a node is called to the user. */
export function originName(origin: FoundNode["origin"]): string {
  return "registry" in origin
    ? `${origin.registry}${origin.version ? `@${origin.version}` : ""}`
    : origin.repository;
}

/** Several sources as one. What the first says counts; everything else of theirs is added. */
export function joinInventories(inventories: readonly Inventory[]): Inventory {
  return inventories.reduce(
    (all, each) => ({
      comfyui: all.comfyui ?? each.comfyui,
      python: all.python ?? each.python,
      cuda: all.cuda ?? each.cuda,
      isWorker: all.isWorker || each.isWorker,
      nodes: firstOfEach([...all.nodes, ...each.nodes], ({ origin }) => originKey(origin)),
      packages: [...new Set([...all.packages, ...each.packages])],
      installed: all.installed.length > 0 ? all.installed : each.installed,
      models: firstOfEach([...all.models, ...each.models], ({ folder, name }) => `${folder}/${name}`),
      workflows: [...all.workflows, ...each.workflows],
      left: [...all.left, ...each.left, ...otherComfyUi(all, each)],
    }),
    nothing,
  );
}

function otherComfyUi(all: Inventory, { comfyui }: Inventory): LeftOut[] {
  if (!all.comfyui || !comfyui || JSON.stringify(all.comfyui) === JSON.stringify(comfyui)) return [];
  return [
    {
      what: `ComfyUI ${comfyui.ref ?? comfyui.repository}`,
      reason: `another source says ${all.comfyui.ref ?? all.comfyui.repository}, and an image has one ComfyUI`,
    },
  ];
}

function originKey(origin: FoundNode["origin"]): string {
  return ("registry" in origin ? origin.registry : origin.repository).toLowerCase();
}

function firstOfEach<T>(all: readonly T[], key: (each: T) => string): T[] {
  const keys = all.map(key);
  return all.filter((_, index) => keys.indexOf(keys[index] ?? "") === index);
}
