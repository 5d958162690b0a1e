/** IAM policies of the hosts on AWS: each as small as it can be. */

const VERSION = "2012-10-17";

/** Who may take a role. */
export function trustPolicy(service: "ec2.amazonaws.com" | "scheduler.amazonaws.com"): string {
  return JSON.stringify({
    Version: VERSION,
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });
}

/** Tag of everything that lives for one test, and its value. */
export const PURPOSE_TAG = "strata:purpose";
export const PURPOSE = "smoke-test";

/** Where a login for a registry other than ECR lies during a test, below which the stack's name follows. */
export const LOGIN_PARAMETERS = "/strata/smoke-test";

/**
 * What an instance may do: take commands from Systems Manager, and pull from exactly one repository.
 *
 * @param repositoryArn of ECR; undefined for another registry, whose login is in `loginParameter` while a test runs
 */
export function instancePolicy({
  repositoryArn,
  loginParameterArn,
}: {
  readonly repositoryArn: string | undefined;
  readonly loginParameterArn: string;
}): string {
  return JSON.stringify({
    Version: VERSION,
    Statement: [
      {
        Sid: "Commands",
        Effect: "Allow",
        Action: [
          "ssm:UpdateInstanceInformation",
          "ssmmessages:CreateControlChannel",
          "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel",
          "ssmmessages:OpenDataChannel",
          "ec2messages:AcknowledgeMessage",
          "ec2messages:DeleteMessage",
          "ec2messages:FailMessage",
          "ec2messages:GetEndpoint",
          "ec2messages:GetMessages",
          "ec2messages:SendReply",
        ],
        Resource: "*",
      },
      ...(repositoryArn
        ? [
            // A token is for the account; what it opens is what the next statement allows.
            { Sid: "Token", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
            {
              Sid: "Pull",
              Effect: "Allow",
              Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
              Resource: repositoryArn,
            },
          ]
        : [{ Sid: "Login", Effect: "Allow", Action: "ssm:GetParameter", Resource: loginParameterArn }]),
    ],
  });
}

/** What the scheduler may do when a test's time is over: end instances of tests. */
export function schedulerPolicy(partition: string): string {
  return JSON.stringify({
    Version: VERSION,
    Statement: [
      {
        Effect: "Allow",
        Action: "ec2:TerminateInstances",
        Resource: `arn:${partition}:ec2:*:*:instance/*`,
        Condition: { StringEquals: { [`aws:ResourceTag/${PURPOSE_TAG}`]: PURPOSE } },
      },
    ],
  });
}

/** `aws`, `aws-cn`, `aws-us-gov`: the first part of every name in a region. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
