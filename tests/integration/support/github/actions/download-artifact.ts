/**
 * actions/download-artifact: of this run from the runner's service; of another run, with a token, from the REST interface.
 * One that is named and absent is an error; those of a pattern lie each in a folder of its name.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, matchesGlob, resolve } from "node:path";
import { action, ask, input, program, run, workspace } from "./common.ts";

interface Artifact {
  readonly id: number;
  readonly name: string;
}

const { GITHUB_API_URL, GITHUB_REPOSITORY } = process.env;

await action(async () => {
  const [name, pattern] = [input("name"), input("pattern")];
  const all = input("github-token") ? await ofOtherRun(name) : await ofThisRun();
  const found = all.filter((artifact) =>
    name ? artifact.name === name : matchesGlob(artifact.name, pattern || "*"),
  );
  if (name && found.length === 0) {
    throw new Error(`Unable to download artifact(s): Artifact not found for name: ${name}`);
  }
  const target = resolve(workspace, input("path") || ".");
  const folder = mkdtempSync(join(tmpdir(), "artifact-"));
  for (const artifact of found) {
    const zip = join(folder, "artifact.zip");
    writeFileSync(zip, await bytesOf(artifact));
    const place = name || input("merge-multiple") === "true" ? target : join(target, artifact.name);
    mkdirSync(place, { recursive: true });
    program("python3", "-m", "zipfile", "-e", zip, place);
  }
  rmSync(folder, { recursive: true });
});

async function ofThisRun(): Promise<Artifact[]> {
  return JSON.parse((await ask(`/artifacts?run=${run}`)).toString());
}

async function ofOtherRun(name: string): Promise<Artifact[]> {
  const query = name ? `?name=${encodeURIComponent(name)}` : "";
  const response = await rest(`/actions/runs/${input("run-id")}/artifacts${query}`);
  return ((await response.json()) as { artifacts: Artifact[] }).artifacts;
}

async function bytesOf({ id }: Artifact): Promise<Buffer> {
  if (!input("github-token")) return await ask(`/artifact?id=${id}`);
  return Buffer.from(await (await rest(`/actions/artifacts/${id}/zip`)).arrayBuffer());
}

async function rest(path: string): Promise<Response> {
  const headers = { authorization: `token ${input("github-token")}` };
  const response = await fetch(`${GITHUB_API_URL}/repos/${GITHUB_REPOSITORY}${path}`, { headers });
  if (!response.ok) throw new Error(`Unable to download artifact(s): ${await response.text()}`);
  return response;
}
