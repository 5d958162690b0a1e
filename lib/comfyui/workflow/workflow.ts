/** A workflow as this program works with it, whatever format it came in. */

/** What an input gets, as far as the file tells. */
export type InputValue =
  | { readonly value: unknown }
  /** Another node makes it when it runs. */
  | { readonly from: NodeName }
  /** Why it cannot be told, as the end of a sentence: "the subgraph shows …". */
  | { readonly unclear: string };

/** How a node is called to the user. */
export interface NodeName {
  /** Below the ids of the subgraphs it is in: `57:12`. */
  readonly id: string;
  readonly type: string;
}

/** A node that will run: not muted, not bypassed, and neither is a subgraph around it. */
export interface WorkflowNode extends NodeName {
  readonly title: string | null;
  /** The repository (`owner/name`) or the name in Comfy's registry that the workflow says the class comes from. */
  readonly pack: string | null;
  /** Inputs whose value is known by name. */
  readonly named: Readonly<Record<string, InputValue>>;
  /** The widgets' values in the editor's order; null where the format names them all. */
  readonly widgets: readonly unknown[] | null;
  /** Files that the workflow says this node needs: `properties.models`. */
  readonly hints: readonly ModelHint[];
  /** Ids of the nodes that use its results; `null` where the file does not tell or nothing has to. */
  readonly users: readonly string[] | null;
}

/** A model as a workflow describes it. */
export interface ModelHint {
  readonly name: string;
  /** ComfyUI's name of the folder. */
  readonly directory: string;
  readonly url: string | null;
  readonly sha256: string | null;
}

/** A node that could not be read, or only in part. */
export interface UnreadNode extends NodeName {
  readonly title: string | null;
  /** The end of a sentence that begins with the node. */
  readonly problem: string;
}

/** Where the workflow says that a file is to be had, apart from its nodes. */
export type ModelAddress = Pick<ModelHint, "name" | "url" | "sha256">;

/** How the file was written. */
export type WorkflowFormat = "editor" | "api";

export interface Workflow {
  /** Where it was read from: in messages. */
  readonly path: string;
  readonly format: WorkflowFormat;
  readonly nodes: readonly WorkflowNode[];
  readonly unread: readonly UnreadNode[];
  /** Of the workflow's own list, and of links in notes. */
  readonly addresses: readonly ModelAddress[];
  /** How many nodes are there but will not run. */
  readonly inactive: number;
}
