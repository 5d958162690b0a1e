import { programPurl } from "../../lib/bill/purl.ts";
import { type Layer, virtualEnvironment } from "../../lib/recipe/layer.ts";

/** What a recipe decides about the environment. */
export interface PythonOptions {
  /**
   * Whether Python looks into pip's user folder, after the environment: packages that people add to a container can
   * lie in their volume, and cannot replace the image's. pip refuses such installations without it. @default false
   */
  readonly userPackages?: boolean;
}

/** What uv makes an environment of; all else in it belongs to a wheel. */
const environmentFiles = [
  "pyvenv.cfg",
  "CACHEDIR.TAG",
  ".gitignore",
  ".lock",
  "lib64",
  "bin/python",
  "bin/python3",
  ...["", ".bat", ".csh", ".fish", ".nu", ".ps1", ".xsh"].map((shell) => `bin/activate${shell}`),
  ...["activate_this.py", "deactivate.bat", "pydoc.bat"].map((file) => `bin/${file}`),
];

/** The environment of a recipe that wants another than the plain one. */
export function pythonWith({ userPackages = false }: PythonOptions = {}): Layer {
  return {
    name: "python",
    summary: "the empty virtual environment that every Python layer adds to",
    parents: () => ["toolbox"],
    shared: ["shared/finish.sh"],
    args: (context) => ({
      PYTHON: context.python,
      ...(userPackages ? { VENV_OPTIONS: "--system-site-packages" } : {}),
    }),
    owns: () => [`${virtualEnvironment}/pyvenv.cfg`],
    components: ({ python: version }) => [
      {
        kind: "own",
        name: "python-environment",
        version,
        purl: programPurl("python-environment", version),
        paths: [...environmentFiles, `bin/python${version}`].map((file) => `${virtualEnvironment}/${file}`),
      },
    ],
  };
}

export const python = pythonWith();
