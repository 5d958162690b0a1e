// How busy the instance is: numbers, bars, and the last two minutes as a line.

import { bytes, fillList, find, setText } from "./dom.js";

const KEPT = 60;
const history = new Map();

/** Shows the meters on top and the cards of the page System. */
export function showMetrics(metrics) {
  fillList(find("#meters"), metersOf(metrics), {
    key: ({ label }) => label,
    template: "t-meter",
    fill: fillMeter,
  });
  const { gpus, reason } = metrics.gpu;
  fillList(find("#gpus"), gpus, {
    key: ({ index }) => index,
    template: "t-share",
    fill: (element, gpu) =>
      fillShare(element, `${gpu.index}: ${gpu.name}`, gpu.memory_used, gpu.memory_total, gpuDetail(gpu)),
  });
  find("#no-gpu").hidden = gpus.length > 0;
  setText(find("#no-gpu"), reason ?? "");
  fillList(find("#disks"), metrics.disks, {
    key: ({ path }) => path,
    template: "t-share",
    fill: (element, disk) =>
      fillShare(
        element,
        disk.label,
        disk.used,
        disk.total,
        `${disk.path}, ${bytes(disk.total - disk.used)} free`,
      ),
  });
}

function metersOf({ cpu, memory, disks, gpu }) {
  const share = ({ used, total }) => (total > 0 ? (used / total) * 100 : 0);
  const found = [];
  const { gpus } = gpu;
  if (gpus.length > 0) {
    const busy = gpus.filter((one) => one.utilisation !== null);
    const mean = busy.reduce((sum, one) => sum + one.utilisation, 0) / (busy.length || 1);
    const hot = Math.max(...gpus.map((one) => one.temperature ?? 0));
    const name = `${gpus.length > 1 ? `${gpus.length} × ` : ""}${gpus[0].name.replace(/^NVIDIA /, "")}`;
    found.push({
      label: "GPU",
      percent: busy.length > 0 ? mean : null,
      detail: hot ? `${name}, ${hot} °C` : name,
    });
    const sum = (field) => gpus.reduce((all, one) => all + (one[field] ?? 0), 0);
    const room = { used: sum("memory_used"), total: sum("memory_total") };
    found.push({
      label: "VRAM",
      percent: share(room),
      detail: `${bytes(room.used)} of ${bytes(room.total)}`,
    });
  }
  const count = Number.isInteger(cpu.count) ? cpu.count : cpu.count.toFixed(1);
  found.push({ label: "CPU", percent: cpu.busy, detail: count === 1 ? "1 core" : `${count} cores` });
  found.push({
    label: "Memory",
    percent: share(memory),
    detail: `${bytes(memory.used)} of ${bytes(memory.total)}`,
  });
  for (const disk of disks) {
    const label = disks.length > 1 ? `Disk: ${disk.label.toLowerCase()}` : "Disk";
    found.push({
      label,
      percent: share(disk),
      detail: `${bytes(disk.total - disk.used)} free of ${bytes(disk.total)}`,
    });
  }
  return found;
}

function fillMeter(element, { label, percent, detail }) {
  const known = percent !== null;
  setText(find(".label", element), label);
  setText(find(".value", element), known ? `${Math.round(percent)} %` : "–");
  setText(find(".detail", element), detail);
  const bar = find("meter", element);
  bar.value = known ? percent : 0;
  bar.setAttribute(
    "aria-label",
    `${label}: ${known ? `${Math.round(percent)} percent` : "unknown"}, ${detail}`,
  );
  if (!known) return;
  const values = [...(history.get(label) ?? []), percent].slice(-KEPT);
  history.set(label, values);
  // A few points are no picture yet.
  if (values.length < 6) return;
  // A margin on top, so that 100 is seen.
  const points = values.map(
    (value, at) => `${((at * 100) / (values.length - 1)).toFixed(1)},${(27 - (value * 25) / 100).toFixed(1)}`,
  );
  find(".line", element).setAttribute("points", points.join(" "));
  find(".area", element).setAttribute("points", `0,28 ${points.join(" ")} 100,28`);
}

function fillShare(element, label, used, total, detail) {
  const known = used !== null && total;
  setText(find(".label", element), label);
  setText(find(".value", element), known ? `${bytes(used)} of ${bytes(total)}` : "");
  setText(find(".detail", element), detail);
  const bar = find("meter", element);
  bar.hidden = !known;
  bar.value = known ? (used / total) * 100 : 0;
  bar.setAttribute("aria-label", known ? `${label}: ${bytes(used)} of ${bytes(total)}` : label);
}

function gpuDetail(gpu) {
  const limit = gpu.power_limit === null ? "" : ` of ${Math.round(gpu.power_limit)}`;
  return [
    gpu.utilisation === null ? "" : `${gpu.utilisation} % busy`,
    gpu.temperature === null ? "" : `${gpu.temperature} °C`,
    gpu.power === null ? "" : `${Math.round(gpu.power)}${limit} W`,
  ]
    .filter(Boolean)
    .join(", ");
}
