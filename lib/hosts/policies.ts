/** IAM policies of the hosts on AWS: each as small as it can be. */

const VERSION = "2012-10-17";

/** Who may take a role. */
export function trustPolicy(service: "ec2.amazonaws.com" | "scheduler.amazonaws.com"): string {
  return JSON.stringify({
    Version: VERSION,
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });
}

/** Tag of everything that lives for one test or one update, and its values. */
export const PURPOSE_TAG = "strata:purpose";
export const purposes = ["smoke-test", "builder"] as const;
export type Purpose = (typeof purposes)[number];

/** What the schedules that end instances are called, so that leaks are found; the instance's id follows. */
export const schedulePrefixes: { readonly [purpose in Purpose]: string } = {
  "smoke-test": "strata-smoke-",
  builder: "strata-builder-",
};

/** Where a login for a registry other than ECR lies during a test, below which the stack's name follows. */
export const LOGIN_PARAMETERS = "/strata/smoke-test";

/** What an instance opens by its role beside commands; a builder opens nothing, as logins go along with each build. */
export interface InstanceRights {
  /** Of ECR; undefined for another registry, whose login is in `loginParameter` while a test runs. */
  readonly repositoryArn: string | undefined;
  readonly loginParameterArn: string;
}

/** What an instance may do: take commands from Systems Manager, and pull from exactly one repository. */
export function instancePolicy(rights?: InstanceRights): string {
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
      ...(rights ? imageRights(rights) : []),
    ],
  });
}

function imageRights({ repositoryArn, loginParameterArn }: InstanceRights): object[] {
  if (!repositoryArn)
    return [{ Sid: "Login", Effect: "Allow", Action: "ssm:GetParameter", Resource: loginParameterArn }];
  return [
    // A token is for the account; what it opens is what the next statement allows.
    { Sid: "Token", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
    {
      Sid: "Pull",
      Effect: "Allow",
      Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      Resource: repositoryArn,
    },
  ];
}

/** What the scheduler may do when the time of a test or a builder is over: end instances that are for the same. */
export function schedulerPolicy(partition: string, purpose: Purpose = "smoke-test"): string {
  return JSON.stringify({
    Version: VERSION,
    Statement: [
      {
        Effect: "Allow",
        Action: "ec2:TerminateInstances",
        Resource: `arn:${partition}:ec2:*:*:instance/*`,
        Condition: { StringEquals: { [`aws:ResourceTag/${PURPOSE_TAG}`]: purpose } },
      },
    ],
  });
}

/** `aws`, `aws-cn`, `aws-us-gov`: the first part of every name in a region. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
