import { environmentComponent } from "../../lib/bill/component.ts";
import { runInstruction, stageDockerfile } from "../../lib/recipe/dockerfile.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/** Where programs of the image live that have to work whatever its user installs into the product's environment. */
export const servicesEnvironment = "/opt/services";

/** An environment of its own for supervisord, Jupyter, TensorBoard, the door, the portal and the tunnel manager. */
export const services: Layer = {
  name: "services",
  summary:
    "an environment of its own for what runs the container, so that no `pip install` of a user's breaks it",
  parents: () => ["toolbox"],
  shared: ["shared/trust.sh", "shared/compile-python.sh", "shared/finish.sh"],
  environment: [
    "fastapi",
    "httpx",
    "ipykernel",
    "jinja2",
    "jupyterlab",
    "nvidia-ml-py",
    "psutil",
    // Forms that a browser sends.
    "python-multipart",
    "pyyaml",
    "supervisor",
    "tensorboard",
    // Of its extra `standard` only websockets is used.
    "uvicorn",
    "websockets",
  ],
  args: ({ python }) => ({ PYTHON: python }),
  owns: () => [servicesEnvironment],
  components: ({ python }) => [environmentComponent("services-environment", servicesEnvironment, python)],
  dockerfile: () =>
    stageDockerfile([
      "# An environment of its own: all of its lock, and nothing else.",
      "FROM toolbox AS build",
      "ARG SOURCE_DATE_EPOCH",
      "ARG PYTHON",
      runInstruction(
        ["--mount=type=secret,id=ca", "--mount=type=bind,target=/context"],
        "sh -eu /context/fetch.sh",
      ),
      runInstruction(["--network=none", "--mount=type=bind,target=/context"], "sh -eu /context/build.sh"),
    ]),
};
