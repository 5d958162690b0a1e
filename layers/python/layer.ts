import { type Layer, virtualEnvironment } from "../../lib/layer.ts";

export const python: Layer = {
  name: "python",
  summary: "the empty virtual environment that every Python layer adds to",
  parents: () => ["toolbox"],
  shared: ["shared/finish.sh"],
  args: (context) => ({ PYTHON: context.python }),
  owns: () => [`${virtualEnvironment}/pyvenv.cfg`],
};
