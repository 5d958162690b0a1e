import { satisfies } from "@renovatebot/pep440";
import { pythonVersions } from "../gpu/compatibility.ts";

/** What a marker may ask of the machine that an image is for (PEP 508); strings but for the versions of Python. */
type Environment = Readonly<Record<string, string>>;

const machine: Environment = {
  os_name: "posix",
  sys_platform: "linux",
  platform_system: "Linux",
  platform_machine: "x86_64",
  platform_python_implementation: "CPython",
  implementation_name: "cpython",
  extra: "",
  // Names of old files, which pip still knows.
  "os.name": "posix",
  "sys.platform": "linux",
  "platform.machine": "x86_64",
  "platform.python_implementation": "CPython",
  python_implementation: "CPython",
};

const versions = new Set(["python_version", "python_full_version", "implementation_version"]);

/** Every Python that images have, as its first and as its last release: which one it will be, nobody knows here. */
const environments: readonly Environment[] = [
  ...new Set(pythonVersions.map((version) => version.replace(/t$/, ""))),
].flatMap((python) =>
  ["0", "99"].map((micro) => ({
    ...machine,
    python_version: python,
    python_full_version: `${python}.${micro}`,
    implementation_version: `${python}.${micro}`,
  })),
);

/**
 * The marker of a requirement, also of an address; there, a semicolon without a space belongs to the address.
 * Empty where it is for every machine.
 */
export function markerOf(line: string): string {
  const end = /:\/\/|^[./]/.test(line) ? /;\s|\s;/ : /;/;
  const at = line.search(end);
  return at < 0 ? "" : line.slice(at).replace(/^\s*;/, "").trim();
}

/** Whether a requirement counts for any image; one whose marker cannot be understood does. */
export function isForImages(line: string): boolean {
  const marker = markerOf(line);
  if (marker === "") return true;
  return environments.some((environment) => holds(marker, environment));
}

const token = /\s*(?:(\(|\)|===|[<>=!~]=|[<>])|'([^']*)'|"([^"]*)"|(not\s+in\b)|([A-Za-z_.]+))/y;

interface Token {
  readonly kind: "sign" | "text" | "word";
  readonly value: string;
}

/** The parts of a marker; undefined where something else stands in it. */
function tokens(marker: string): Token[] | undefined {
  const found: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < marker.length) {
    const [whole, sign, single, double, notIn, word] = token.exec(marker) ?? [];
    if (whole === undefined) return undefined;
    const text = single ?? double;
    if (text !== undefined) found.push({ kind: "text", value: text });
    else if (word !== undefined && !["in", "and", "or"].includes(word))
      found.push({ kind: "word", value: word });
    else found.push({ kind: "sign", value: sign ?? word ?? (notIn ? "not in" : "") });
  }
  return found;
}

/** Whether a marker is true; also where it is no marker, or asks what is not known. */
function holds(marker: string, environment: Environment): boolean {
  const all = tokens(marker);
  if (!all) return true;
  let at = 0;
  let isBroken = false;
  const next = (value: string) => all[at]?.kind === "sign" && all[at]?.value === value && ++at > 0;
  const either = (): boolean => {
    let result = both();
    while (next("or")) result = both() || result;
    return result;
  };
  const both = (): boolean => {
    let result = one();
    while (next("and")) result = one() && result;
    return result;
  };
  const one = (): boolean => {
    if (next("(")) {
      const result = either();
      if (!next(")")) isBroken = true;
      return result;
    }
    const [left, operator, right] = all.slice(at, at + 3);
    at += 3;
    if (left && right && operator?.kind === "sign" && left.kind !== "sign" && right.kind !== "sign")
      return compare(left, operator.value, right, environment);
    isBroken = true;
    return true;
  };
  const result = either();
  return isBroken || at !== all.length || result;
}

const mirrorImages: Readonly<Record<string, string>> = { "<": ">", ">": "<", "<=": ">=", ">=": "<=" };

function compare(left: Token, operator: string, right: Token, environment: Environment): boolean {
  const read = ({ kind, value }: Token) => (kind === "text" ? value : environment[value]);
  const [a, b] = [read(left), read(right)];
  if (a === undefined || b === undefined) return true;
  if (operator === "in") return b.includes(a);
  if (operator === "not in") return !b.includes(a);
  if (left.kind === "word" && versions.has(left.value)) return satisfies(a, `${operator}${b}`);
  if (right.kind === "word" && versions.has(right.value))
    return satisfies(b, `${mirrorImages[operator] ?? operator}${a}`);
  // Of names, only these two questions make sense.
  if (operator === "==" || operator === "===") return a === b;
  return operator !== "!=" || a !== b;
}
