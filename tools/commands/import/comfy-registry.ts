import { z } from "zod";
import { UserError } from "../../../errors.ts";
import { repositoryAddress } from "../../../lib/import/safe-names.ts";
import type { NodeLock } from "../../../lib/locks/node-lock.ts";
import { mirrored } from "../../../lib/mirrors.ts";
import { fetchFiles } from "../../lock/git.ts";
import { attemptFetch, patiently } from "../../program/retry.ts";

/** Comfy's registry, and ComfyUI-Manager's list for where it cannot be asked. */
export interface NodeRegistryAccess {
  readonly mirrors: Readonly<Record<string, string>>;
  /** strata's own: its ComfyUI-Manager has the list. */
  readonly nodes: NodeLock;
  /** Where repositories are put while they are read. */
  readonly folder: string;
  /** ComfyUI-Manager's list, once it was read. */
  readonly list: { entries?: Promise<readonly ListEntry[]> };
  /** Milliseconds of the first pause; tests use a smaller number. */
  readonly pauseMs?: number;
}

/** What the registry says of a version of a node. It keeps no commit. */
export interface Published {
  readonly repository: string;
  /** Seconds since 1970; undefined where only the list was asked. */
  readonly at: number | undefined;
}

const TIMEOUT_MS = 30_000;
const endpoint = "https://api.comfy.org/";
const managerName = "Comfy-Org/ComfyUI-Manager";
const listFile = "custom-node-list.json";

/** GET /nodes/{id}, which counts no installation: https://docs.comfy.org/registry/api-reference */
const node = z.object({ repository: z.string().nullish() });
/** GET /nodes/{id}/versions/{version} */
const nodeVersion = z.object({ createdAt: z.string().nullish() });
const list = z.object({
  custom_nodes: z.array(z.object({ id: z.string().optional(), reference: z.string().optional() })),
});

/** Where a node of the registry is developed, and when a version of it was published. */
export async function askComfyRegistry(
  name: string,
  version: string | null,
  access: NodeRegistryAccess,
): Promise<Published> {
  const about = await get(`nodes/${encodeURIComponent(name)}`, node, access);
  if (about === "unreachable") return { repository: await listed(name, access), at: undefined };
  if (about === "absent") throw new UserError(name, "is no node of Comfy's registry.", "");
  const repository = repositoryAddress(about.repository ?? "");
  if (repository === null) throw new UserError(name, "Comfy's registry knows no repository of it.", "");
  if (version === null) return { repository, at: undefined };
  const path = `nodes/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
  const published = await get(path, nodeVersion, access);
  if (published === "absent")
    throw new UserError(name, `Comfy's registry has no version ${version} of it.`, "");
  const time = published === "unreachable" ? Number.NaN : Date.parse(published.createdAt ?? "");
  return { repository, at: Number.isNaN(time) ? undefined : time / 1000 };
}

async function get<T>(
  path: string,
  schema: z.ZodType<T>,
  { mirrors, pauseMs }: NodeRegistryAccess,
): Promise<T | "absent" | "unreachable"> {
  const address = mirrored(`${endpoint}${path}`, mirrors);
  const response = await patiently(
    () => attemptFetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) }),
    (failure) => failure,
    { tries: 2, ...(pauseMs === undefined ? {} : { pauseMs }) },
  ).catch(() => undefined);
  if (response === undefined) return "unreachable";
  if (response.status === 404) return "absent";
  const body: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
  return schema.safeParse(body).data ?? "unreachable";
}

interface ListEntry {
  readonly id?: string | undefined;
  readonly reference?: string | undefined;
}

/** The repository by ComfyUI-Manager's list, which has a name for some; others are called like their repository. */
async function listed(name: string, access: NodeRegistryAccess): Promise<string> {
  access.list.entries ??= readList(access);
  const entries = await access.list.entries;
  const wanted = name.toLowerCase();
  const byName = entries.filter(({ id }) => id?.toLowerCase() === wanted);
  const alike = entries.filter(({ reference = "" }) => reference.toLowerCase().endsWith(`/${wanted}`));
  const [entry] = byName.length > 0 ? byName : alike;
  const repository = repositoryAddress(entry?.reference ?? "");
  const isSettled = byName.length > 0 || alike.length === 1;
  if (repository !== null && isSettled) return repository;
  throw new UserError(
    name,
    "Comfy's registry cannot be reached, and ComfyUI-Manager's list does not have it.",
    "",
  );
}

/** At the commit that strata's lock has. */
async function readList({ mirrors, nodes, folder }: NodeRegistryAccess): Promise<readonly ListEntry[]> {
  const manager = nodes.repositories[managerName];
  if (!manager) return [];
  const remote = { name: managerName, location: mirrored(manager.repository, mirrors) };
  const files = await fetchFiles(remote, manager.commit, folder, (path) => path === listFile);
  return list.safeParse(JSON.parse(files.get(listFile) ?? "{}")).data?.custom_nodes ?? [];
}
