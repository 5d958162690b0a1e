import { filesLayer } from "../../lib/recipe/files-layer.ts";
import type { Layer } from "../../lib/recipe/layer.ts";
import { packageGroup } from "../packages/layer.ts";

/** What the worker imports; a stage apart from its code, which changes more often. */
export const runpodPackages = packageGroup(
  "runpod-packages",
  "RunPod's SDK and an S3 client, with what they need beyond the image's other packages",
  // 1.12 tells an asynchronous handler that its job was cancelled, and guards what is fetched for a job.
  () => ["runpod>=1.12,<2", "boto3"],
);

/** Uses the Python packages of the stages `backend` and `studio-backend`, so a recipe needs those, too. */
export const runpodWorker: Layer = {
  ...filesLayer,
  name: "runpod-worker",
  summary: "takes jobs from RunPod's serverless queue and has ComfyUI compute them; a few files of Python",
  owns: () => ["/opt/strata/worker"],
};
