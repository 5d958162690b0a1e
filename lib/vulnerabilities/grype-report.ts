import { z } from "zod";
import { UserError } from "../../errors.ts";
import { normaliseName } from "../locks/python-lock.ts";
import { type Severity, severities } from "./severity.ts";
import { byWeight, isSameVulnerability, type Vulnerability } from "./vulnerability.ts";

/**
 * What `grype -o json` prints, as far as it is read (grype 0.121.2, presenter/models/document.go). Of the forms of scanners it
 * is the one that says all of package, severity, other names and fix: SARIF has them as prose, OpenVEX has no severity.
 */
const grypeReportSchema = z.looseObject({
  descriptor: z.looseObject({ name: z.literal("grype") }),
  matches: z.array(
    z.looseObject({
      vulnerability: z.looseObject({
        id: z.string().min(1),
        severity: z.string().optional(),
        description: z.string().optional(),
        cvss: z
          .array(z.looseObject({ metrics: z.looseObject({ baseScore: z.number().optional() }).optional() }))
          .nullish(),
        fix: z.looseObject({ versions: z.array(z.string()).nullish() }).nullish(),
      }),
      relatedVulnerabilities: z.array(z.looseObject({ id: z.string() })).nullish(),
      artifact: z.looseObject({
        name: z.string(),
        version: z.string(),
        type: z.string(),
        upstreams: z.array(z.looseObject({ name: z.string(), version: z.string().optional() })).nullish(),
      }),
    }),
  ),
});

type GrypeMatch = z.output<typeof grypeReportSchema>["matches"][number];

/** The vulnerabilities of a report of grype. @param file for messages */
export function parseGrypeReport(text: string, file: string): Vulnerability[] {
  const { data } = grypeReportSchema.safeParse(jsonOf(text));
  if (data) return mergeFound([], data.matches.map(vulnerabilityOf));
  throw new UserError(
    file,
    "is no report of grype.",
    "Make one of the bill of materials: npm run --silent sbom -- <reference> | grype -o json >report.json",
  );
}

/** What two have found, each once; what OSV says of one stays, and what it does not know is added. */
export function mergeFound(found: readonly Vulnerability[], more: readonly Vulnerability[]): Vulnerability[] {
  const merged = [...found];
  for (const each of more) {
    const at = merged.findIndex((one) => isSameVulnerability(one, each));
    const same = merged[at];
    if (!same) merged.push(each);
    else {
      const isUnjudged = same.severity === "unknown";
      merged[at] = {
        ...same,
        ...(isUnjudged && { severity: each.severity, score: each.score }),
        aliases: [...new Set([...same.aliases, each.id, ...each.aliases])]
          .filter((id) => id !== same.id)
          .sort(),
        parts: [...new Set([...same.parts, ...each.parts])].sort(),
        fixed: same.fixed ?? each.fixed,
        summary: same.summary || each.summary,
        foundBy: [...new Set([...same.foundBy, ...each.foundBy])],
      };
    }
  }
  return merged.sort(byWeight);
}

function vulnerabilityOf({ vulnerability, relatedVulnerabilities, artifact }: GrypeMatch): Vulnerability {
  const { id, severity = "", description = "", cvss, fix } = vulnerability;
  const [source] = artifact.upstreams ?? [];
  const names = [...new Set([id, ...(relatedVulnerabilities ?? []).map((each) => each.id)])];
  const known = names.find((name) => name.startsWith("CVE-")) ?? id;
  const word = severity.toLowerCase();
  const name = artifact.type === "python" ? normaliseName(artifact.name) : (source?.name ?? artifact.name);
  const scores = (cvss ?? []).flatMap(({ metrics }) => metrics?.baseScore ?? []);
  return {
    id: known,
    aliases: names.filter((other) => other !== known).sort(),
    package: name,
    version: source?.version || artifact.version,
    parts: [artifact.name],
    severity: severities.find((each): each is Severity => each === word) ?? "unknown",
    score: scores.length > 0 ? Math.max(...scores) : null,
    fixed: fix?.versions?.[0] ?? null,
    summary: description.split("\n")[0] ?? "",
    foundBy: ["grype"],
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
