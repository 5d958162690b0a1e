/** The lines that Dockerfiles made from a stack's choices have in common. Their text is part of keys. */

/** A Dockerfile that ends as a stage does: of what the step `build` made, the image holds `/out` alone. */
export function stageDockerfile(lines: readonly string[]): string {
  return [...lines, "", "FROM scratch", stageCopies(["/out"]), ""].join("\n");
}

/** What makes the layers of a stage: one of each folder that the step `build` left. */
export function stageCopies(folders: readonly string[]): string {
  return folders.map((folder) => `COPY --link --from=build ${folder} /`).join("\n");
}

/** A RUN with each of its options on a line. */
export function runInstruction(options: readonly string[], command: string): string {
  return `RUN ${[...options, command].join(" \\\n    ")}`;
}

/**
 * What makes stages visible to a RUN in the toolbox: each below `/stages`, wheels that were built from source below
 * `/wheels`.
 */
export function stageMounts(parents: readonly string[]): string[] {
  return parents
    .filter((parent) => parent !== "toolbox")
    .map((parent) => [parent, `/${parent.startsWith("wheel-") ? "wheels" : "stages"}/${parent}`])
    .map(([parent, target]) => `--mount=type=bind,from=${parent},target=${target}`);
}

/** BuildKit fetches a file and checks its hash. @param path where it goes, without the first slash */
export function addFile({ url, sha256 }: { url: string; sha256: string }, path: string): string {
  return `ADD --checksum=sha256:${sha256} ${url} /${path}`;
}

/** BuildKit fetches a repository at a commit: no submodules, since those have pins of their own. */
export function addGit({ location, commit }: { location: string; commit: string }, path = ""): string {
  return `ADD ${location.replace(/(\.git)?\/?$/, ".git")}?ref=${commit}&submodules=false /${path}`;
}
