import { z } from "zod";
import { UserError } from "../../errors.ts";
import { parseLockFile } from "../locks/lock-file.ts";
import { normaliseName } from "../locks/python-lock.ts";

/** How long something has to have been out before a refreshed lock takes it. */
export interface CoolDown {
  /** 0: everything is taken as soon as it is there. */
  readonly days: number;
  /** Packages, repositories, base images and models that need not wait, and why. */
  readonly except: Readonly<Record<string, string>>;
}

export const noCoolDown: CoolDown = { days: 0, except: {} };

/** Where the setting lies, below the folder that holds the locks. */
export const coolDownPath = "locks/cool-down.json";

/** Longer than a year is no cool-down but a mistake. */
const MOST_DAYS = 365;
const DAY_MS = 86_400_000;

const schema = z.strictObject({
  days: z.int().min(0).max(MOST_DAYS),
  except: z.record(z.string().min(1), z.string().trim().min(1, "expected a reason")).default({}),
});

/** Reads `locks/cool-down.json`; no file is no cool-down. */
export function parseCoolDown(text: string): CoolDown {
  return text === "" ? noCoolDown : parseLockFile(schema, text, coolDownPath, "Correct it, or remove it.");
}

/** The setting with other days for once, as the option gives them. */
export function withDays(coolDown: CoolDown, option: string | undefined): CoolDown {
  if (option === undefined) return coolDown;
  const days = Number(option);
  if (/^\d+$/.test(option) && days <= MOST_DAYS) return { ...coolDown, days };
  throw new UserError(
    "--cool-down",
    `expected a whole number of days up to ${MOST_DAYS}, got "${option}".`,
    "For instance: --cool-down 7; 0 switches it off.",
  );
}

/** What a lock says of it: `7 days, except pillow (CVE-2026-1)`; undefined without one. */
export function coolDownWords({ days, except }: CoolDown): string | undefined {
  if (days === 0) return undefined;
  const exceptions = Object.entries(except)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, reason]) => `${name} (${reason.replace(/\s+/g, " ")})`);
  const also = exceptions.length > 0 ? `, except ${exceptions.join(", ")}` : "";
  return `${days === 1 ? "1 day" : `${days} days`}${also}`;
}

/** What came out later than this is too young for `name`; undefined where it need not wait. */
export function newestAllowed(coolDown: CoolDown, name: string, now: number): Date | undefined {
  if (coolDown.days === 0 || isExcepted(coolDown, name)) return undefined;
  return new Date(now - coolDown.days * DAY_MS);
}

function isExcepted({ except }: CoolDown, name: string): boolean {
  return Object.keys(except).some((each) => each === name || normaliseName(each) === normaliseName(name));
}

/** uv's options for it; names that are no package's do no harm there. */
export function resolverOptions(coolDown: CoolDown, now: number): string[] {
  if (coolDown.days === 0) return [];
  const packages = Object.keys(coolDown.except).filter((name) => /^[A-Za-z0-9][\w.-]*$/.test(name));
  return [
    "--exclude-newer",
    new Date(now - coolDown.days * DAY_MS).toISOString(),
    ...packages.flatMap((name) => ["--exclude-newer-package", `${normaliseName(name)}=false`]),
  ];
}

/** Files of which an index does not say when they came: uv takes them for too young, and so does a cool-down. */
export function undatedPackages(output: string): string[] {
  const files = [...output.matchAll(/`([^`\s]+)` is missing an upload date/g)];
  return [
    ...new Set(files.map(([, file = ""]) => normaliseName(/^(.+?)-\d/.exec(file)?.[1] ?? file))),
  ].sort();
}

/** Whether the resolver failed because of the cool-down: what was asked for is younger. */
export function isTooYoung(output: string): boolean {
  return /filtered by `exclude-newer`/.test(output.replace(/\s*\n\s*/g, " "));
}

/** Exceptions that name nothing that is locked: a name that is misspelt lets nothing through. */
export function unusedExceptions({ except }: CoolDown, known: Iterable<string>): string[] {
  const names = new Set([...known].flatMap((name) => [name, normaliseName(name)]));
  return Object.keys(except).filter((name) => !names.has(name) && !names.has(normaliseName(name)));
}
