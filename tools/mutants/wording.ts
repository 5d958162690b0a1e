/** What is not worth a mutant, each with its reason; Stryker asks it of every place (its plugins of kind `Ignore`). */

/** As much of Babel's NodePath as is read here. */
interface NodePath {
  readonly node: {
    readonly type: string;
    readonly callee?: unknown;
    readonly key?: unknown;
    readonly value?: unknown;
  };
  readonly parentPath: NodePath | null;
}

export const wording = {
  shouldIgnore(path: NodePath): string | undefined {
    const { type, value } = path.node;
    if (type !== "StringLiteral" && type !== "TemplateLiteral") return undefined;
    const above = path.parentPath;
    if (
      value === "" &&
      above?.node.type === "AssignmentPattern" &&
      above.parentPath?.node.type === "ArrayPattern"
    ) {
      return "only the compiler asks for this default: what is taken apart here is always there";
    }
    return isWording(above)
      ? "words of a message are for people, and a test would only repeat them"
      : undefined;
  },
};

function isWording(path: NodePath | null): boolean {
  if (!path || /Function|Statement|Declaration/.test(path.node.type)) return false;
  const { type, callee, key } = path.node;
  const isCall = type === "NewExpression" || type === "CallExpression";
  if (isCall ? isMessage(callee) : type === "ObjectProperty" && isMessagePart(key)) return true;
  return isWording(path.parentPath);
}

/** `new UserError(…)`, `new Error(…)`, `note(…)`, and what a schema says of a mistake or of itself. */
function isMessage(callee: unknown): boolean {
  const { name, property } = callee as { name?: string; property?: { name?: string } };
  return (
    /^(UserError|Error|note)$/.test(name ?? "") || /^(describe|regex|refine)$/.test(property?.name ?? "")
  );
}

function isMessagePart(key: unknown): boolean {
  return /^(problem|remedy|message)$/.test((key as { name?: string } | undefined)?.name ?? "");
}
