import { basename } from "node:path";
import { aptScripts } from "../../lib/recipe/apt-layer.ts";
import { runInstruction } from "../../lib/recipe/dockerfile.ts";
import type { AptChoice, Layer } from "../../lib/recipe/layer.ts";

/** What a recipe adds to the system stage. */
export interface SystemOptions {
  /** Debian packages beside those that every image has; by the base where not all have them. @default [] */
  readonly packages?: readonly string[] | ((context: AptChoice) => readonly string[]);
  /** A script of `layers/` that finishes the system once its packages are there. @default none */
  readonly setup?: string;
  /** See `Layer`. */
  readonly lacks?: Layer["lacks"];
  /** Folder that is to belong to the image's user, so that it can be written to without a volume. */
  readonly volume?: string;
}

/** The system stage of a recipe that needs more than every image has. */
export function systemWith({ packages = [], volume, setup, lacks }: SystemOptions = {}): Layer {
  return {
    name: "system",
    summary: "base image, the distribution's packages and the user; everything else lies on top",
    role: "system",
    parents: () => [],
    shared: [...aptScripts, ...(setup ? [setup] : [])],
    ...(setup ? { dockerfile: () => setUpDockerfile(basename(setup)) } : {}),
    ...(lacks ? { lacks } : {}),
    args: () => (volume ? { VOLUME: volume } : {}),
    pins: ({ base }) => ({ [base.name]: base.digest }),
    apt: (context) => [
      ...everyImage,
      ...(typeof packages === "function" ? packages(context) : packages),
      ...(context.buildTools ? buildToolPackages : []),
      ...downloader(context),
    ],
  };
}

/** gcc and Python's headers are among them because Triton compiles a launcher for each kernel on the GPU host. */
const everyImage = ["ca-certificates", "gcc", "libc6-dev", "libgomp1", "python3", "python3-dev"];

/** As the file `Dockerfile`, and a script after it, which has no network. */
function setUpDockerfile(script: string): string {
  const step = (options: readonly string[], file: string) =>
    runInstruction(
      [...options, "--mount=type=bind,target=/context"],
      `sh -eu /context/settled.sh /context/${file}`,
    );
  return [
    "# What the product is built FROM: the base image, the distribution's packages, and the users.",
    "FROM base",
    "ARG SOURCE_DATE_EPOCH",
    "ARG VOLUME=",
    step([], "install.sh"),
    step(["--network=none"], script),
    "",
  ].join("\n");
}

export const system = systemWith();

/** Where a container fetches models itself: several connections for one file. */
function downloader({ models }: AptChoice): string[] {
  return models?.strategy === "volume" ? ["aria2"] : [];
}

/**
 * What compiles a package without a wheel in a running container, beside gcc and Python's headers, which every image has:
 * packages of nodes ask for CMake, Fortran and a BLAS. In this stage, as they are the distribution's: its database of
 * packages is one file.
 */
const buildToolPackages = [
  "cmake",
  "g++",
  "gfortran",
  "libopenblas-dev",
  "make",
  "ninja-build",
  "patch",
  "pkg-config",
];

/**
 * What ComfyUI and its nodes need at run time: 156 MB of packages, with the distribution's ffmpeg for half of it. The
 * wheel imageio-ffmpeg has no ffprobe, which pydub and several nodes call, and static-ffmpeg downloads when it is run.
 */
export const comfyuiAptPackages = [
  "ffmpeg",
  // torch.compile builds its CPU kernels with it on the user's machine.
  "g++",
  // ComfyUI-Manager and people install nodes with it.
  "git",
  "curl",
  "wget",
  // OpenCV's wheels link to these.
  "libgl1",
  // MediaPipe's library links to these.
  "libegl1",
  "libgles2",
  "libglib2.0-0",
  "libsm6",
  "libxext6",
  "libxrender1",
  // soundfile falls back to it.
  "libsndfile1",
];
