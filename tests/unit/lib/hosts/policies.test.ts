import assert from "node:assert/strict";
import { test } from "node:test";
import { instancePolicy, partitionOf, schedulerPolicy, trustPolicy } from "../../../../lib/hosts/policies.ts";

const Version = "2012-10-17";
const commands = {
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
};

test("a role is for one service", () => {
  assert.deepEqual(JSON.parse(trustPolicy("scheduler.amazonaws.com")), {
    Version,
    Statement: [
      { Effect: "Allow", Principal: { Service: "scheduler.amazonaws.com" }, Action: "sts:AssumeRole" },
    ],
  });
});

test("an instance takes commands, and pulls from one repository or reads one login: nothing else", () => {
  const repositoryArn = "arn:aws:ecr:r:1:repository/a";
  const loginParameterArn = "arn:aws:ssm:r:1:parameter/b";
  assert.deepEqual(JSON.parse(instancePolicy({ repositoryArn, loginParameterArn })), {
    Version,
    Statement: [
      commands,
      { Sid: "Token", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
      {
        Sid: "Pull",
        Effect: "Allow",
        Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        Resource: repositoryArn,
      },
    ],
  });
  assert.deepEqual(JSON.parse(instancePolicy({ repositoryArn: undefined, loginParameterArn })), {
    Version,
    Statement: [
      commands,
      { Sid: "Login", Effect: "Allow", Action: "ssm:GetParameter", Resource: loginParameterArn },
    ],
  });
});

test("the scheduler ends instances of tests, of no others", () => {
  assert.deepEqual(JSON.parse(schedulerPolicy("aws-cn")), {
    Version,
    Statement: [
      {
        Effect: "Allow",
        Action: "ec2:TerminateInstances",
        Resource: "arn:aws-cn:ec2:*:*:instance/*",
        Condition: { StringEquals: { "aws:ResourceTag/strata:purpose": "smoke-test" } },
      },
    ],
  });
});

test("a region's names begin with its partition", () => {
  const partitions = ["cn-north-1", "us-gov-west-1", "us-east-1", "eu-central-1"].map(partitionOf);
  assert.deepEqual(partitions, ["aws-cn", "aws-us-gov", "aws", "aws"]);
});
