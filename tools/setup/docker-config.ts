import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { executables } from "../toolchain/find.ts";

const storeSchema = z.object({ credsStore: z.string().optional() });

/**
 * Refuses a Docker configuration whose credential store has no program: the docker-build provider and BuildKit's clients
 * ask it for every registry, the local one too, and only say that `exec` failed. Docker Desktop leaves such files behind.
 */
export async function checkCredentialStore(folder: string, path = process.env.PATH ?? ""): Promise<void> {
  const file = join(folder, "config.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  let store: string | undefined;
  try {
    store = storeSchema.safeParse(JSON.parse(text)).data?.credsStore;
  } catch {
    throw new UserError(file, "is not JSON.", "Mend the file, or remove it and log in again.");
  }
  if (!store || executables(`docker-credential-${store}`, path).length > 0) return;
  throw new UserError(
    file,
    `names the credential store "${store}", and there is no docker-credential-${store} on PATH.`,
    `Install it, or remove "credsStore" from the file and log in again.`,
  );
}
