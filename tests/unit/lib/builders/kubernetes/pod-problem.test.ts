/** What pods say of themselves, as Kubernetes 1.34 and earlier have written it, in words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EventState,
  isReady,
  isStill,
  type PodState,
  podProblem,
  workloadProblem,
} from "../../../../../lib/builders/kubernetes/pod-problem.ts";

const condition = (type: string, status: string, reason?: string, message?: string) => ({
  type,
  status,
  ...(reason === undefined ? {} : { reason }),
  ...(message === undefined ? {} : { message }),
});

function pending(message: string): PodState {
  return {
    status: { phase: "Pending", conditions: [condition("PodScheduled", "False", "Unschedulable", message)] },
  };
}

const words = (pod: PodState, events: EventState[] = [], said?: string) =>
  podProblem(pod, events, said).problem;

test("ready is what may be built on: not one that is on its way out", () => {
  const ready = { status: { conditions: [condition("Ready", "True")] } };
  assert.ok(isReady(ready));
  assert.ok(!isReady({ ...ready, metadata: { deletionTimestamp: "2026-11-30T06:00:00Z" } }));
  assert.ok(!isReady({ status: { conditions: [condition("Ready", "False", "ContainersNotReady")] } }));
  assert.ok(!isReady({}));
});

test("still is what runs, ready or not, and what nothing is about to happen to", () => {
  const running = { status: { containerStatuses: [{ state: { running: {} } }] } };
  assert.ok(isStill(running));
  assert.ok(!isStill({ ...running, metadata: { deletionTimestamp: "2026-11-30T06:00:00Z" } }));
  assert.ok(
    !isStill({ status: { containerStatuses: [{ state: { running: {} } }, { state: { waiting: {} } }] } }),
  );
  assert.ok(!isStill({}));
});

test("no node: the scheduler's own sentence; a node may still be started", () => {
  // The form of kubernetes#49896 since 1.10, with the second sentence of 1.24 and later.
  const message =
    "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
  const found = podProblem(pending(message), []);
  assert.equal(found.problem, `finds no node: ${message.slice(0, -1)}`);
  assert.match(found.remedy, /requests, nodeSelector or tolerations/);
  assert.equal(found.isFinal, false);
});

test("no volume: what the claim's own event says", () => {
  const pod = pending("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
  // pkg/controller/volume/persistentvolume/pv_controller.go: FailedBinding and ProvisioningFailed.
  const claim = {
    type: "Warning",
    reason: "ProvisioningFailed",
    message: 'storageclass.storage.k8s.io "fast" not found',
  };
  assert.equal(words(pod, [claim]), 'waits for its volume: storageclass.storage.k8s.io "fast" not found');
  assert.match(words(pod), /^finds no node: .*unbound immediate PersistentVolumeClaims$/);
});

test("no image: at the second try it is over", () => {
  const waiting = (reason: string, message: string): PodState => ({
    status: {
      phase: "Pending",
      conditions: [condition("PodScheduled", "True")],
      containerStatuses: [{ state: { waiting: { reason, message } } }],
    },
  });
  // kubernetes#127918: since 1.32 the cause is in the message of the back-off.
  const message = 'Back-off pulling image "quay.io/x/y:1": ErrImagePull: not found';
  const found = podProblem(waiting("ImagePullBackOff", message), []);
  assert.equal(found.problem, `does not get its image: ${message} (ImagePullBackOff)`);
  assert.equal(found.isFinal, true);
  assert.equal(podProblem(waiting("ErrImagePull", "not found"), []).isFinal, false);
  assert.equal(podProblem(waiting("ContainerCreating", ""), []).problem, "is being started");
});

test("a crash: status, how often, and the last line of the log", () => {
  const crash: PodState = {
    status: {
      phase: "Running",
      containerStatuses: [
        {
          restartCount: 3,
          state: {
            waiting: { reason: "CrashLoopBackOff", message: "back-off 40s restarting failed container" },
          },
          lastState: { terminated: { exitCode: 1, reason: "Error" } },
        },
      ],
    },
  };
  const found = podProblem(crash, [], "buildkitd: rootless mode requires to be executed as the mapped root");
  assert.equal(
    found.problem,
    "ended with status 1: buildkitd: rootless mode requires to be executed as the mapped root, 4 times",
  );
  assert.equal(found.isFinal, true);
});

test("ended for memory, evicted, being deleted, failing its probe", () => {
  const oom: PodState = {
    status: {
      phase: "Running",
      containerStatuses: [{ restartCount: 1, state: { terminated: { exitCode: 137, reason: "OOMKilled" } } }],
    },
  };
  assert.equal(words(oom), "was ended for want of memory (OOMKilled)");
  // pkg/kubelet/eviction: reason and message of the pod's status.
  const evicted: PodState = {
    status: {
      phase: "Failed",
      reason: "Evicted",
      message: "The node was low on resource: ephemeral-storage. ",
    },
  };
  assert.equal(words(evicted), "was evicted: The node was low on resource: ephemeral-storage");
  assert.equal(
    words({ metadata: { deletionTimestamp: "x" }, status: { phase: "Running" } }),
    "is being deleted",
  );
  const running: PodState = { status: { phase: "Running", containerStatuses: [{ state: {} }] } };
  assert.equal(words(running), "runs, and buildkitd has no worker yet");
  const events = [
    { type: "Normal", reason: "Started", message: "Started container" },
    {
      type: "Warning",
      reason: "FailedMount",
      message: 'MountVolume.SetUp failed for volume "config" : configmap "x" not found',
    },
  ];
  assert.match(
    words({ status: { phase: "Pending" } }, events),
    /^is not ready: MountVolume.* \(FailedMount\)$/,
  );
});

test("no pod at all: what the StatefulSet's events say", () => {
  // As the controller has it in kubernetes#84285, with the admission's words of rancher/k3k#294.
  const message =
    'create Pod farm-0 in StatefulSet farm failed error: pods "farm-0" is forbidden: violates PodSecurity "restricted:latest": privileged (container "buildkitd" must not set securityContext.privileged=true)';
  const found = workloadProblem([{ type: "Warning", reason: "FailedCreate", message }]);
  assert.equal(found?.problem, `cannot be made: ${message}`);
  assert.match(found?.remedy ?? "", /enforce=privileged/);
  assert.equal(found?.isFinal, true);
  assert.equal(workloadProblem([{ type: "Normal", reason: "SuccessfulCreate", message: "x" }]), undefined);
});
