/** What a kubeconfig's user logs in by: a program. Rules and words are those of k8s.io/client-go (plugin/pkg/client/auth/exec). */
import { z } from "zod";

const V1 = "client.authentication.k8s.io/v1";
const V1BETA1 = "client.authentication.k8s.io/v1beta1";

/** `user.exec`; what is not set may also be null. */
export const execSetting = z
  .object({
    apiVersion: z.string({ error: "is missing" }),
    command: z.string({ error: "is missing" }).min(1, "is missing"),
    args: z.array(z.string()).nullish(),
    env: z.array(z.object({ name: z.string().min(1), value: z.string() })).nullish(),
    installHint: z.string().nullish(),
    provideClusterInfo: z.boolean().nullish(),
    interactiveMode: z.enum(["Never", "IfAvailable", "Always", ""]).nullish(),
  })
  .superRefine(({ apiVersion, interactiveMode }, { addIssue }) => {
    const wrong = (key: string, message: string) => addIssue({ code: "custom", path: [key], message });
    if (apiVersion !== V1 && apiVersion !== V1BETA1)
      wrong("apiVersion", `is ${apiVersion}, and has to be ${V1} or ${V1BETA1}`);
    if (apiVersion === V1 && !interactiveMode) wrong("interactiveMode", `is missing, which ${V1} wants`);
  });

export type ExecSetting = z.output<typeof execSetting>;

/** The cluster, as its kubeconfig has it and as programs are told of it. */
export interface ExecCluster {
  readonly server: string;
  readonly "tls-server-name"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "certificate-authority-data"?: string;
  readonly "proxy-url"?: string;
  readonly "disable-compression"?: boolean;
  /** Its extension `client.authentication.k8s.io/exec`. */
  readonly config?: unknown;
}

/** Whether a program may ask at the terminal; undefined where it has to and there is none. */
export function isInteractive({ interactiveMode }: ExecSetting, hasTerminal: boolean): boolean | undefined {
  if (interactiveMode === "Never") return false;
  return interactiveMode === "Always" && !hasTerminal ? undefined : hasTerminal;
}

/** The variable KUBERNETES_EXEC_INFO of the program: some do not run without it. */
export function execInfo(
  { apiVersion, provideClusterInfo }: ExecSetting,
  cluster: ExecCluster,
  interactive: boolean,
): string {
  const spec = { ...(provideClusterInfo ? { cluster } : {}), interactive };
  return JSON.stringify({ kind: "ExecCredential", apiVersion, spec });
}

/** What a program logged in with. */
export interface ExecCredential {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Milliseconds since 1970; undefined where it is good until it is refused. */
  readonly expires?: number;
}

const text = z
  .string()
  .nullish()
  .transform((value) => value || undefined);
const answer = z.object({
  apiVersion: z.string(),
  kind: z.literal("ExecCredential"),
  status: z
    .object({
      token: text,
      clientCertificateData: text,
      clientKeyData: text,
      expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
    })
    .nullish(),
});

/** Reads what a program said. @returns words after its name where it will not do */
export function readExecCredential({ apiVersion }: ExecSetting, stdout: string): ExecCredential | string {
  let said: unknown;
  try {
    said = JSON.parse(stdout);
  } catch {
    return stdout.trim() === "" ? "says nothing" : "does not answer in JSON";
  }
  const { data, error } = answer.safeParse(said);
  if (!data)
    return `answers with no ExecCredential (${error.issues[0]?.path.join(".")}: ${error.issues[0]?.message})`;
  if (data.apiVersion !== apiVersion) return `answers in ${data.apiVersion}, and was asked for ${apiVersion}`;
  if (!data.status) return "answers without a status";
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = data.status;
  if ((cert === undefined) !== (key === undefined)) return "gives only one of certificate and key";
  if (token === undefined && cert === undefined) return "gives neither a token nor a certificate";
  return {
    ...(token === undefined ? {} : { token }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(expirationTimestamp ? { expires: Date.parse(expirationTimestamp) } : {}),
  };
}
