import { posix } from "node:path";
import ts from "typescript";

/**
 * The plan of the house, from the ground up: a room imports rooms below its floor and itself, types included. Loose
 * files of `lib/` know nothing of images; `tools/` has none. docs/adr/0030-rooms.md has the reasons.
 */
export const floors: readonly (readonly string[])[] = [
  ["errors.ts", "home.ts"],
  ["lib"],
  ["lib/registry", "lib/machines", "tools/program"],
  ["lib/gpu", "lib/audit", "lib/state", "lib/builders", "tools/toolchain", "tools/command-provider"],
  ["lib/locks", "lib/hosts", "oci"],
  [
    "lib/comfyui",
    "lib/evidence",
    "lib/bill",
    "components/registry",
    "components/hosts",
    "tools/services",
    "tools/lint",
  ],
  ["lib/models", "lib/attestation", "lib/garbage", "lib/vulnerabilities", "components/builders"],
  ["lib/reproduction", "tools/promotion", "tools/builder", "tools/debian", "tools/ways", "tools/mutants"],
  ["lib/recipe", "lib/policy", "tools/hosts"],
  ["lib/plan", "lib/lock-making", "layers", "tools/rented"],
  ["lib/preview", "lib/import", "recipes", "components", "tools/attestation"],
  ["config.ts", "tools/vulnerabilities"],
  ["plan-image.ts", "tools/stack", "tools/setup", "tools/lock", "tools/package"],
  ["index.ts", "public.ts", "tools/preview", "tools/delivery", "tools/compiler-cache"],
  ["tools/pulumi", "tools/steps", "tools/garbage", "tools/reproduction"],
  ["tools/shell"],
  ["tools/commands"],
];

/** A file of the house and what it imports, both by their paths from the root. */
export interface HouseFile {
  readonly path: string;
  readonly text: string;
}

/** The room of a file: the longest of `floors` that its path begins with; undefined where it has none. */
export function roomOf(path: string): string | undefined {
  const rooms = floors.flat().filter((room) => path === room || path.startsWith(`${room}/`));
  const room = rooms.sort((a, b) => b.length - a.length)[0];
  // lib/ itself holds loose files only.
  return room === "lib" && path.split("/").length > 2 ? undefined : room;
}

/** The files of the house that a file imports: types, `export … from` and `import()` count. */
export function importsOf({ path, text }: HouseFile): string[] {
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith("."))
    .map((name) => posix.join(posix.dirname(path), name));
}

/** What is imported against the order of rooms, and files that have no room. */
export function misplaced(files: readonly HouseFile[]): string[] {
  const floor = (room: string) => floors.findIndex((rooms) => rooms.includes(room));
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === undefined) return [`${file.path} is in no room`];
    return importsOf(file).flatMap((target) => {
      const other = roomOf(target);
      if (other === undefined) return [`${file.path} imports ${target}, which is in no room`];
      if (other === room || floor(other) < floor(room)) return [];
      return [`${file.path} imports ${target}: ${other} is not below ${room}`];
    });
  });
}

/** Import circles, each once, as the files along it. */
export function circles(files: readonly HouseFile[]): string[][] {
  const imports = new Map(files.map((file) => [file.path, importsOf(file)]));
  const done = new Set<string>();
  const cycles: string[][] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path]);
    if (start >= 0 || done.has(path)) return;
    for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return cycles;
}

/** A function's name or place, and how many lines it has. */
export interface FunctionLength {
  readonly name: string;
  readonly lines: number;
}

/** The functions of a file, methods and constructors included; what is nested counts in both. */
export function functionsOf({ path, text }: HouseFile): FunctionLength[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const functions: FunctionLength[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const first = lineOf(node.getStart());
      const name = node.name?.getText() ?? `line ${first}`;
      functions.push({ name, lines: lineOf(node.getEnd()) - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return functions;
}

/** The names that a file defines and exports; what it only hands on is defined elsewhere. */
export function exportsOf({ path, text }: HouseFile): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
    return declared.flatMap((declaration) =>
      "name" in declaration && declaration.name !== undefined ? namesIn(declaration.name as ts.Node) : [],
    );
  });
}

function namesIn(name: ts.Node): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  if (!ts.isObjectBindingPattern(name)) return [];
  return name.elements.flatMap((element) => namesIn(element.name));
}
