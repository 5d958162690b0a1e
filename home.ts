import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, extname, join, resolve } from "node:path";

/** strata's own files: the clone this file belongs to, or the package that it was compiled into. */
export const repository = import.meta.dirname;

/** Whether strata is a package in somebody's node_modules: Node runs no TypeScript there. */
export const isPackage = extname(import.meta.filename) === ".js";

/** Where Pulumi.yaml and the stacks' files are: the clone; for a package the nearest such folder from here upwards. */
export const projectFolder = isPackage ? folderOfProject(process.cwd()) : repository;

/** Every path that strata writes to, but for the shared cache. */
export interface Home {
  /** `$STRATA_HOME`, or `.strata` in the project. */
  readonly root: string;
  /** Which tools were chosen, and from where. */
  readonly toolchain: string;
  /** Where the builder and the registry listen. */
  readonly services: string;
  /** Base images that were made here, by name. */
  readonly images: string;
  /** What these were made of, and the packages that stand in for locked ones that are gone. */
  readonly packages: string;
  readonly buildkit: string;
  readonly registry: string;
  /** Pid files, and the configuration that each service was started with. */
  readonly run: string;
  readonly logs: string;
  /** Tools under the names that others expect them by: first on PATH of every call. */
  readonly bin: string;
  /** `PULUMI_HOME`. */
  readonly pulumi: string;
  /** Pulumi's file backend. */
  readonly state: string;
  /** What the last update of a stack hung on, a file each. */
  readonly settled: string;
  /** What buildx knows of the builder, in `buildx` (`BUILDX_CONFIG`), and what builds know of logins, in `config`. */
  readonly docker: string;
  /** Logins of registries, a folder each; see oci/access/logins.ts. */
  readonly logins: string;
  readonly contexts: string;
  readonly evidence: string;
  readonly audit: string;
  /** What layers say of their contents, by digest. */
  readonly documents: string;
  /** What plans say of products, by their content. */
  readonly bills: string;
  /** Records of vulnerabilities that were read. */
  readonly vulnerabilities: string;
  /** Unpacked layers, and what shells write. */
  readonly shell: string;
  /** Images as files. */
  readonly exports: string;
  /** What `npm run mutants` found. */
  readonly mutants: string;
  /** How long each stage took to build, and how large it came out. */
  readonly history: string;
  /** The builder on which stages are built again; it is there while that goes on. */
  readonly reproduction: string;
  /** Machines that failed an image which another one passed. */
  readonly suspects: string;
  /** Builders that were made in clusters, by this clone. */
  readonly clusters: string;
}

/** The paths of the home at `root`. */
export function homeAt(root: string): Home {
  return {
    root,
    toolchain: join(root, "toolchain.json"),
    services: join(root, "services.json"),
    images: join(root, "images.json"),
    packages: join(root, "packages.json"),
    buildkit: join(root, "buildkit"),
    registry: join(root, "registry"),
    run: join(root, "run"),
    logs: join(root, "logs"),
    bin: join(root, "bin"),
    pulumi: join(root, "pulumi"),
    state: join(root, "state"),
    settled: join(root, "settled"),
    docker: join(root, "docker"),
    logins: join(root, "logins"),
    contexts: join(root, "contexts"),
    evidence: join(root, "evidence"),
    audit: join(root, "audit"),
    documents: join(root, "documents"),
    bills: join(root, "bills"),
    vulnerabilities: join(root, "vulnerabilities"),
    shell: join(root, "shell"),
    exports: join(root, "exports"),
    mutants: join(root, "mutants"),
    history: join(root, "history.json"),
    reproduction: join(root, "reproduction"),
    suspects: join(root, "suspects.json"),
    clusters: join(root, "clusters.json"),
  };
}

/** This project's home: `$STRATA_HOME`, or `.strata` beside its Pulumi.yaml. */
export const home = homeAt(resolve(process.env.STRATA_HOME || join(projectFolder, ".strata")));

/** What all clones of this user share: Node and the tools that were downloaded or built. */
export const cache = join(resolve(process.env.XDG_CACHE_HOME || join(homedir(), ".cache")), "strata");

/** As Pulumi looks for it; where there is none, `folder` itself. */
function folderOfProject(folder: string): string {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, "Pulumi.yaml"))) return above;
    if (dirname(above) === above) return folder;
  }
}
