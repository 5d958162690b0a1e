import { BatchDeleteImageCommand, type ECRClient, paginateDescribeImages } from "@aws-sdk/client-ecr";
import { UserError } from "../../errors.ts";
import type { StoredImages } from "./stored-images.ts";

/** ECR: its own list has what has no tag, and when each was pushed. */
export function ecrInventory(client: ECRClient): StoredImages {
  return {
    storedAt: async ({ repository }) => {
      const stored = new Map<string, Date>();
      for await (const { imageDetails } of paginateDescribeImages({ client }, { repositoryName: repository }))
        for (const { imageDigest, imagePushedAt } of imageDetails ?? [])
          if (imageDigest && imagePushedAt) stored.set(imageDigest, imagePushedAt);
      return stored;
    },
    remove: async ({ registry, repository }, { digest }) => {
      const { failures } = await client.send(
        new BatchDeleteImageCommand({ repositoryName: repository, imageIds: [{ imageDigest: digest }] }),
      );
      const failed = failures?.find(({ failureCode }) => failureCode !== "ImageNotFound");
      if (!failed) return;
      throw new UserError(
        `${registry}/${repository}@${digest}`,
        `ECR does not remove it: ${failed.failureReason ?? failed.failureCode}.`,
        "Mend what it says, and run the same command again.",
      );
    },
  };
}
