import { z } from "zod";
import { throwAll, UserError } from "../../errors.ts";
import { parseLockJson } from "../locks/lock-file.ts";
import { checkResult, judge, summarise } from "./check-results.ts";
import { secondOpinion } from "./second-opinion.ts";

/**
 * The evidence that a smoke test leaves about one image. `smoke/run.py` writes the first part inside the image
 * (`RunReport`); the host that started it adds which image that was (`Evidence`).
 */

const seconds = z.number().nonnegative();
const version = z.string().min(1);

const gpu = z.strictObject({
  name: z.string().min(1),
  computeCapability: z.string().regex(/^\d+\.\d$/, "expected such as 8.9"),
  driver: version,
  memoryBytes: z.number().int().positive(),
});

const runFields = {
  schema: z.literal(3),
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  startedAt: z.iso.datetime(),
  seconds,
  /** The checks that this image has to pass, by what its description says it has; also those that did not run. */
  due: z.array(z.string().min(1)),
  checks: z.array(checkResult),
  /** Version by name: python, torch, cuda, llama.cpp and whatever else the checks met. */
  versions: z.record(z.string(), version),
  /** The first GPU of the host, as its driver reports it. */
  gpu: gpu.nullable(),
  measurements: z.strictObject({
    tokensPerSecond: z.number().nonnegative().optional(),
    /** From the question to the first token of the answer. */
    firstTokenSeconds: seconds.optional(),
    startSeconds: seconds.optional(),
    stopSeconds: seconds.optional(),
    /** Until every service of an instance runs and its ports answer. */
    instanceStartSeconds: seconds.optional(),
    instanceStopSeconds: seconds.optional(),
    comfyuiStartSeconds: seconds.optional(),
    comfyuiStopSeconds: seconds.optional(),
    /** Nodes that imported, and the classes that they and ComfyUI offer. */
    comfyuiNodes: z.number().int().nonnegative().optional(),
    comfyuiNodeClasses: z.number().int().nonnegative().optional(),
    workflowSeconds: seconds.optional(),
    /** From the start of ComfyUI to the first image of a workflow. */
    firstImageSeconds: seconds.optional(),
    /** The last of the workflows that the image brings, with the reading of its models. */
    ownWorkflowSeconds: seconds.optional(),
    /** Of the GPU's memory: what ComfyUI kept when it was told to unload everything. */
    comfyuiMemoryLeftBytes: z.number().int().nonnegative().optional(),
    /** What was still in use when all checks had ended. */
    gpuMemoryLeftBytes: z.number().int().nonnegative().optional(),
  }),
};

const host = z.discriminatedUnion("kind", [
  /** Nobody ran it: what its registry tells of it was enough to refuse it. */
  z.strictObject({ kind: z.literal("registry"), name: z.string().min(1) }),
  /** Inside the builder, as a build step on top of the image. */
  z.strictObject({
    kind: z.literal("builder"),
    name: z.string().optional(),
    /** What the step got of it, by CDI: the checks had to find a GPU. Absent: none, whatever else is said. */
    device: z.string().min(1).optional(),
  }),
  /** A container of the engine on this machine. */
  z.strictObject({ kind: z.literal("docker"), name: z.string().min(1) }),
  /** A container on a machine that is reached by SSH. */
  z.strictObject({ kind: z.literal("ssh"), name: z.string().min(1) }),
  /** A container on an EC2 instance that was started for this test. */
  z.strictObject({
    kind: z.literal("aws"),
    /** Id of the instance. */
    name: z.string().min(1),
    instanceType: z.string().min(1),
    zone: z.string().min(1),
    market: z.enum(["spot", "on-demand"]),
  }),
]);

/** What the host had to do before the checks could begin. */
const preparation = z.strictObject({
  /** To pull the image; 0 when the host had it. */
  pullSeconds: seconds.optional(),
  /** From `run` to the first line of the checks. */
  startSeconds: seconds.optional(),
});

/** US dollars; a host of one's own costs nothing that strata knows of. */
const cost = z.strictObject({ dollarsPerHour: z.number().nonnegative(), dollars: z.number().nonnegative() });

const runSchema = z.strictObject(runFields).check((context) => checkVerdict(context));

const evidenceSchema = z
  .strictObject({
    ...runFields,
    /** The product image that was tested. */
    digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, "expected sha256: and 64 hexadecimal digits"),
    /** Where that image is, by digest. */
    reference: z.string().min(1),
    recipe: z.string().min(1),
    generation: z.string().min(1),
    /** Hash of the checks that ran: evidence by other checks is not evidence of these. */
    checksKey: z.string().min(1),
    host,
    preparation,
    cost: cost.nullable(),
    /** Hosts that were tried before and could not say anything about the image, with the reason. */
    attempts: z.array(z.strictObject({ host: z.string().min(1), reason: z.string().min(1), seconds })),
    /** Where a machine with a GPU failed the image: what another said. */
    secondOpinion: secondOpinion.optional(),
  })
  .check((context) => {
    checkVerdict(context);
    if (!context.value.reference.endsWith(`@${context.value.digest}`)) {
      context.issues.push({
        code: "custom",
        path: ["reference"],
        input: context.value.reference,
        message: `expected it to end in @${context.value.digest}`,
      });
    }
  });

/** What the smoke test writes inside the image. */
export type RunReport = z.infer<typeof runSchema>;
/** A run report and the image it is about. */
export type Evidence = z.infer<typeof evidenceSchema>;
/** Where the image ran. */
export type EvidenceHost = z.infer<typeof host>;

/**
 * Reads what the smoke test wrote.
 *
 * @param text the JSON
 * @param path where it came from, for errors
 * @throws UserError with every problem
 */
export function parseRunReport(text: string, path: string): RunReport {
  return parse(runSchema, text, path);
}

/**
 * Reads stored evidence.
 *
 * @param text the JSON
 * @param path where it came from, for errors
 * @throws UserError with every problem
 */
export function parseEvidence(text: string, path: string): Evidence {
  return parse(evidenceSchema, text, path);
}

const remedy = "Run the smoke test again.";

function parse<T>(schema: z.ZodType<T>, text: string, path: string): T {
  const parsed = schema.safeParse(parseLockJson(text, path, remedy));
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => {
    const where = issue.path
      .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
      .join("");
    return new UserError(`${path}: evidence${where}`, `${issue.message}.`, remedy);
  });
  throwAll(`${path} is not evidence of this version of strata:`, errors);
  throw new UserError(path, "is not evidence.", remedy);
}

function checkVerdict(context: z.core.ParsePayload<Pick<RunReport, "verdict" | "checks">>): void {
  const { verdict, checks } = context.value;
  const expected = judge(checks);
  if (verdict === expected) return;
  context.issues.push({
    code: "custom",
    path: ["verdict"],
    input: verdict,
    message: `says "${verdict}", but the results make it "${expected}" (${summarise({ checks })})`,
  });
}
