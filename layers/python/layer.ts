import { environmentComponent } from "../../lib/bill/component.ts";
import { type Layer, virtualEnvironment } from "../../lib/recipe/layer.ts";

/** What a recipe decides about the environment. */
export interface PythonOptions {
  /**
   * Whether Python looks into pip's user folder, after the environment: packages that people add to a container can
   * lie in their volume, and cannot replace the image's. pip refuses such installations without it. @default false
   */
  readonly userPackages?: boolean;
}

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
      environmentComponent("python-environment", virtualEnvironment, version),
    ],
  };
}

export const python = pythonWith();
