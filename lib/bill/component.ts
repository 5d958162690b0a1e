import { gitPurl, programPurl } from "./purl.ts";

/** What an image is made of, as strata knows it before anything is built: the plan's half of a bill of materials. */

/**
 * - `wheel`: a Python distribution from the index, or from the stack's own address
 * - `compiled`: a program or wheel that a stage makes from its source
 * - `source`: files of a repository at a commit
 * - `file`: one file at its hash: a model, or what a node's installation reads
 * - `stand-in`: metadata of a distribution that another one stands in for
 * - `own`: files that a layer brings itself
 * - `tool`: what stages are built with; never part of the product
 */
export type ComponentKind = "wheel" | "compiled" | "source" | "file" | "stand-in" | "own" | "tool";

export interface Component {
  readonly kind: ComponentKind;
  readonly name: string;
  readonly version: string;
  /** https://github.com/package-url/purl-spec; of a tool too, where it is for people alone. */
  readonly purl: string;
  /** The stage that it is in; of a tool, one that it builds. */
  readonly stage: string;
  /** `sha256:…` of the files that would do for it: of a lock all those of the version. */
  readonly hashes?: readonly string[];
  /** As its source words it; null where it states none. What the image's files say comes later. */
  readonly licence?: string | null;
  /** Where its files lie: folders and files, absolute; of a wheel its own record says it. */
  readonly paths?: readonly string[];
  /** What it was compiled from. */
  readonly source?: { readonly purl: string; readonly hashes?: readonly string[] };
  /** For people: compute capabilities, patches. */
  readonly comment?: string;
}

/** A stage as a bill tells of it. */
export interface BilledStage {
  readonly name: string;
  readonly key: string;
  readonly role: "system" | "stage" | "build" | "product";
  /** Whether its files are of one component alone, by hash: nothing in it has to be read. */
  readonly bulk: boolean;
  readonly parents: readonly string[];
  /** Whether it starts from the base image although it has parents. @default false */
  readonly onBase?: boolean;
}

/** An image of models that belongs to a product: the stages that it is joined of, and what is in them. */
export interface Library {
  readonly stages: readonly string[];
  readonly components: readonly Component[];
}

/** All that a plan knows of a product: what the step that describes it is given. */
export interface Bill {
  readonly recipe: string;
  readonly generation: string;
  /** Repository and commit of the recipe; null outside git. */
  readonly source: string | null;
  readonly revision: string | null;
  /** The product's own time. */
  readonly created: string;
  /** What it stands on; null for an image of models alone. */
  readonly base: { readonly name: string; readonly digest: string } | null;
  readonly stages: readonly BilledStage[];
  /** Key of the product. */
  readonly key: string;
  /** Names of the stages that the product holds. */
  readonly inProduct: readonly string[];
  readonly components: readonly Component[];
  /** Hashes of what decides it and is no stage: locks, the smoke checks. */
  readonly materials: Readonly<Record<string, string>>;
  /** The image of models that belongs to it. @default there is none */
  readonly library?: Library;
}

/** A repository at its commit with its submodules at theirs; files of the latter lie within the former's. */
export function repositoryComponents(
  name: string,
  {
    repository,
    version,
    fetches,
  }: {
    readonly repository: string;
    readonly version: string | null;
    readonly fetches: readonly {
      readonly location: string;
      readonly commit: string;
      readonly path: string;
    }[];
  },
  folder: string,
): Omit<Component, "stage">[] {
  return fetches.map(({ location, commit, path }) => ({
    kind: "source",
    name: path === "" ? name : `${name}/${path}`,
    version: commit,
    // Its own address, whatever mirror it is fetched from.
    purl: gitPurl(path === "" ? repository : location, commit),
    paths: [path === "" ? folder : `${folder}/${path}`],
    ...(path === "" && version ? { comment: `Version ${version}.` } : {}),
  }));
}

/** What uv makes an environment of; all else in it belongs to a wheel. */
const environmentFiles = [
  "pyvenv.cfg",
  "CACHEDIR.TAG",
  ".gitignore",
  ".lock",
  "lib64",
  "bin/python",
  "bin/python3",
  ...["", ".bat", ".csh", ".fish", ".nu", ".ps1", ".xsh"].map((shell) => `bin/activate${shell}`),
  ...["activate_this.py", "deactivate.bat", "pydoc.bat"].map((file) => `bin/${file}`),
];

/** A virtual environment without its packages. */
export function environmentComponent(name: string, folder: string, python: string): Omit<Component, "stage"> {
  return {
    kind: "own",
    name,
    version: python,
    purl: programPurl(name, python),
    paths: [...environmentFiles, `bin/python${python}`].map((file) => `${folder}/${file}`),
  };
}
