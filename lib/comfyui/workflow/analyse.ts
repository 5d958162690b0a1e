import { comfyuiName } from "../../locks/node-classes.ts";
import type { ClassIndex } from "./class-index.ts";
import { type NodeSource, sourceOf } from "./needed-nodes.ts";
import { type ModelReference, type NodeModels, nodeModels } from "./node-models.ts";
import type { Workflow, WorkflowNode } from "./workflow.ts";

/** A node of a workflow, as reports name it. */
export interface NodePlace {
  readonly workflow: string;
  readonly id: string;
  readonly type: string;
  readonly title: string | null;
}

export interface NeededFile extends ModelReference {
  readonly askedBy: readonly NodePlace[];
}

export interface NeededNode extends NodeSource {
  readonly usedBy: readonly NodePlace[];
}

/** What a set of workflows needs. */
export interface Needs {
  readonly workflows: readonly Workflow[];
  readonly files: readonly NeededFile[];
  /** Classes that do not come with ComfyUI, by name. */
  readonly nodes: readonly NeededNode[];
  /** What may be needed and could not be told. */
  readonly unresolved: readonly { readonly node: NodePlace; readonly problem: string }[];
  /** Nodes that ask for a model and whose result nothing uses: ComfyUI does not run them. */
  readonly unused: readonly NodePlace[];
}

/** Models and custom nodes that `workflows` need together. */
export function analyse(
  workflows: readonly Workflow[],
  classes: ClassIndex,
  preferred: readonly string[] = [],
): Needs {
  const files = new Map<string, NeededFile>();
  const nodes = new Map<string, NeededNode>();
  const unresolved: { node: NodePlace; problem: string }[] = [];
  const unused: NodePlace[] = [];
  for (const workflow of workflows) {
    const asking = askAll(workflow, classes);
    const idle = idleNodes(workflow, asking, classes);
    for (const node of workflow.nodes) {
      const place = { workflow: workflow.path, id: node.id, type: node.type, title: node.title };
      const source = sourceOf(node, classes, preferred);
      if (source.repository !== comfyuiName) {
        nodes.set(node.type, { ...source, usedBy: [...(nodes.get(node.type)?.usedBy ?? []), place] });
      }
      if (idle.has(node.id)) {
        unused.push(place);
        continue;
      }
      const models = asking.get(node.id);
      for (const file of models?.files ?? []) addFile(files, file, place);
      unresolved.push(...(models?.unknown ?? []).map((problem) => ({ node: place, problem })));
    }
    unresolved.push(
      ...workflow.unread.map(({ problem, ...node }) => ({
        node: { workflow: workflow.path, ...node },
        problem,
      })),
    );
  }
  return {
    workflows,
    files: [...files].sort(byKey).map(([, file]) => file),
    nodes: [...nodes].sort(byKey).map(([, node]) => node),
    unresolved,
    unused,
  };
}

function addFile(files: Map<string, NeededFile>, file: ModelReference, place: NodePlace): void {
  const key = `${file.folders.join()}/${file.name}`;
  const earlier = files.get(key);
  files.set(key, {
    ...file,
    url: earlier?.url ?? file.url,
    sha256: earlier?.sha256 ?? file.sha256,
    askedBy: [...(earlier?.askedBy ?? []), place],
  });
}

function askAll({ nodes, addresses }: Workflow, classes: ClassIndex): Map<string, NodeModels> {
  return new Map(nodes.map((node) => [node.id, nodeModels({ ...node, addresses }, classes)]));
}

/**
 * Nodes that ask for models and are used by nobody, or only by such nodes. ComfyUI runs what an output needs, and none of
 * these is one: a class that runs alone says so. Nodes that ask for nothing are not looked at, and count as used.
 */
function idleNodes(
  { nodes }: Workflow,
  asking: ReadonlyMap<string, NodeModels>,
  classes: ClassIndex,
): Set<string> {
  const idle = new Set<string>();
  const isIdle = ({ id, type, users }: WorkflowNode) =>
    users !== null &&
    (asking.get(id)?.files.length ?? 0) > 0 &&
    Object.keys(classes.modelInputs(type)).length > 0 &&
    !classes.runsAlone(type) &&
    users.every((user) => idle.has(user));
  const makers = new Map<string, WorkflowNode[]>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const node of nodes) {
    for (const user of node.users ?? []) {
      const others = makers.get(user);
      if (others) others.push(node);
      else makers.set(user, [node]);
    }
  }
  // One that is idle may make those idle that it uses.
  for (let open = [...byId.values()]; open.length > 0; ) {
    const fresh = open.filter((node) => !idle.has(node.id) && isIdle(node));
    for (const { id } of fresh) idle.add(id);
    open = fresh.flatMap(({ id }) => makers.get(id) ?? []);
  }
  // Where nothing would run, it is a part that others build in: all of it counts.
  return idle.size === nodes.length ? new Set() : idle;
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
