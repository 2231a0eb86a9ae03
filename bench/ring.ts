// SPDX-License-Identifier: Apache-2.0

/**
 * The ring view in Chromium on a real node that three sensors feed in real time: frames a second, heap and elements, a row a minute.
 *
 *   node bench/ring.ts [--minutes N] [--rate PACKETS_PER_SECOND] [--organisations N]
 *
 * A frame is one drawing of the upper canvas; the page draws at most 30 a second. The heap is what is left after a collection that is
 * forced; the first minute is no yardstick for growth, for it loads. Without a graphics processor Chromium draws by software, on the
 * processors that node and sensors need too: frames a second are then those of this machine, not of the page.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ensurePortal } from "../scripts/portal.ts";
import { enrolSensor } from "../src/app/sensor.ts";
import { SensorRegistry } from "../src/ship/registry.ts";
import { launch, noBrowser } from "../test/e2e/browser.ts";
import { writeMix } from "./flow-packets.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    rate: { type: "string", default: "25000" },
    organisations: { type: "string", default: "40" },
    crowd: { type: "string", default: "600000" },
  },
});
const [minutes, rate, organisations] = [Number(values.minutes), Number(values.rate), Number(values.organisations)];
const program = join(import.meta.dirname, "../bin/layang.js");
const folder = mkdtempSync(join(tmpdir(), "layang-bench-ring-"));
const children: ChildProcess[] = [];
const start = (args: readonly string[], stdin: "pipe" | "ignore"): ChildProcess => {
  const child = spawn(process.execPath, [program, ...args], { stdio: [stdin, "pipe", "inherit"] });
  children.push(child);
  return child;
};
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

/** Processor seconds of all Chromium processes below this one: renderer, compositor, software graphics. */
const browserCpu = (): number => {
  const parents = new Map<number, { parent: number; name: string; cpu: number }>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const text = readFileSync(`/proc/${entry}/stat`, "utf8");
      const close = text.lastIndexOf(")");
      const fields = text.slice(close + 2).split(" ");
      parents.set(Number(entry), {
        parent: Number(fields[1]),
        name: text.slice(text.indexOf("(") + 1, close),
        cpu: (Number(fields[11]) + Number(fields[12])) / 100,
      });
    } catch {
      // It ended meanwhile.
    }
  }
  const ours = (pid: number): boolean => {
    for (let at = pid, steps = 0; at > 1 && steps < 64; at = parents.get(at)?.parent ?? 0, steps++)
      if (at === process.pid) return true;
    return false;
  };
  return [...parents]
    .filter(([pid, { name }]) => name.startsWith("chrom") && ours(pid))
    .reduce((sum, [, { cpu }]) => sum + cpu, 0);
};

/** Counts what is drawn, from before the page's own code: the picture clears the upper canvas once a frame, the lower one when it lays. */
const counter = `(() => {
  const counts = { frames: 0, late: 0, worst: 0, ticks: 0, last: 0 };
  window.layangFrames = counts;
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    if (this.canvas.getAttribute("aria-hidden") !== null) {
      const now = performance.now();
      const gap = counts.last === 0 ? 0 : now - counts.last;
      counts.last = now;
      counts.frames++;
      if (gap > 50) counts.late++;
      counts.worst = Math.max(counts.worst, gap);
    }
    return clear.apply(this, box);
  };
  const tick = () => { counts.ticks++; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
})()`;
interface Counts {
  readonly frames: number;
  readonly late: number;
  readonly worst: number;
  readonly ticks: number;
}
interface Minute {
  readonly minute: number;
  /** A second. */
  readonly frames: number;
  readonly ticks: number;
  /** Share of frames more than 50 ms after the one before. */
  readonly late: number;
  /** The longest gap, milliseconds. */
  readonly worst: number;
  /** Mebibytes, after a collection. */
  readonly heap: number;
  readonly elements: number;
  readonly listeners: number;
  /** Processor milliseconds of the browser for each frame: what other work on the machine does not change. */
  readonly cost: number;
  /** As the page says it, packets a second. */
  readonly said: string;
  readonly load: number;
}

const mean = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0) / Math.max(1, list.length);
/** By how much the last third lies above the first third; minutes are too few to fit anything finer. */
const growth = (list: readonly number[]): number => {
  const third = Math.max(1, Math.floor(list.length / 3));
  return mean(list.slice(-third)) - mean(list.slice(0, third));
};

if (noBrowser !== "") throw new Error(`no browser${noBrowser}`);
ensurePortal();
let feeding: NodeJS.Timeout | undefined;
try {
  const config = join(folder, "layang.yaml");
  writeFileSync(
    config,
    `data: ${join(folder, "data")}\ncountry: ID\nportal: {port: 0, access: token}\nsensors: {port: 0}\nlog: {level: error}\n`,
  );
  const node = start(["node", "--config", config], "ignore");
  let said = "";
  node.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
  while (!said.includes("Open ")) await sleep(100);
  const door = /Sensors send to (\S+)/.exec(said)?.[1] ?? "";
  const [, portal = "", token = ""] = /Open (\S+?)\/\?token=(\S+)/.exec(said) ?? [];

  const csv = ["organisation,name,network"];
  for (let i = 0; i < organisations; i++)
    csv.push(`org-${i},Organisation ${i},${(i * 5 + 1) % 220}.64.0.0/1${(i % 5) + 2}`);
  const imported = await fetch(`${portal}/api/v1/desk/constituency/import`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", origin: portal },
    body: JSON.stringify({ form: "csv", content: `${csv.join("\n")}\n`, apply: true, replace: false }),
  });
  const done = (await imported.json()) as { applied?: boolean };
  if (done.applied !== true) throw new Error(`the constituency was refused: ${JSON.stringify(done).slice(0, 400)}`);

  const registry = new SensorRegistry(join(folder, "data", "sensors"));
  const sensors = await Promise.all(
    [1, 2, 3].map(async (n) => {
      const state = join(folder, `sensor-${n}`);
      await enrolSensor({ state, node: door, token: registry.add({ name: `bench-${n}` }).token });
      return start(["sensor", "--state", state, "--read", "-", "--pace", "1", "--dark", "198.51.0.0/16"], "pipe");
    }),
  );
  // A sensor that ended says so itself.
  for (const sensor of sensors) sensor.stdin?.on("error", () => undefined);
  let second = 0;
  const feed = (): void => {
    const now = Date.now() * 1000;
    for (const [n, sensor] of sensors.entries()) {
      let header = second === 0 ? 0 : 24;
      const share = Math.ceil(rate / 3);
      writeMix(
        share,
        share,
        1 + second * 3 + n,
        Number(values.crowd),
        (bytes) => {
          sensor.stdin?.write(bytes.slice(header));
          header = 0;
        },
        now,
      );
    }
    second++;
  };
  feed();
  feeding = setInterval(feed, 1000);

  const browser = await launch({ gpu: true });
  try {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en" })).newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.addInitScript(counter);
    await page.goto(`${portal}/?token=${token}`);
    await page.goto(`${portal}/ring`);
    await page.waitForSelector(".ring-box canvas");
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Performance.enable");
    const renderer = (await page.evaluate(
      `(() => { const gl = document.createElement("canvas").getContext("webgl"); const info = gl?.getExtension("WEBGL_debug_renderer_info"); return info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "none"; })()`,
    )) as string;
    console.log(
      `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "?"}), Chromium ${browser.version()}, graphics: ${renderer}; ${rate} packets/s, ${organisations} organisations`,
    );
    console.log(
      "minute  frames/s  rAF/s  late %  worst ms  heap MiB  elements  listeners  CPU ms/frame  page says  load",
    );
    const pid = node.pid ?? 0;
    const rows: Minute[] = [];
    const began = performance.now();
    const cpu = cpuOf(pid);
    for (let minute = 1; minute <= minutes; minute++) {
      await page.evaluate("Object.assign(window.layangFrames, { frames: 0, late: 0, worst: 0, ticks: 0, last: 0 })");
      const from = performance.now();
      const spent = browserCpu();
      await sleep(Math.max(0, began + minute * 60_000 - from));
      const counts = (await page.evaluate("({ ...window.layangFrames })")) as Counts;
      const seconds = (performance.now() - from) / 1000;
      await cdp.send("HeapProfiler.collectGarbage");
      const { metrics } = await cdp.send("Performance.getMetrics");
      const of = (name: string): number => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
      const row: Minute = {
        minute,
        frames: counts.frames / seconds,
        ticks: counts.ticks / seconds,
        late: counts.late / Math.max(1, counts.frames),
        worst: counts.worst,
        heap: of("JSHeapUsedSize") / 2 ** 20,
        elements: of("Nodes"),
        listeners: of("JSEventListeners"),
        cost: ((browserCpu() - spent) * 1000) / Math.max(1, counts.frames),
        said: /([\d.,]+[KM]?) packets? a second/.exec((await page.textContent(".lede")) ?? "")?.[1] ?? "–",
        load: loadavg()[0] ?? 0,
      };
      rows.push(row);
      console.log(
        [
          String(minute).padStart(6),
          row.frames.toFixed(1).padStart(8),
          row.ticks.toFixed(1).padStart(5),
          (row.late * 100).toFixed(1).padStart(6),
          row.worst.toFixed(0).padStart(8),
          row.heap.toFixed(1).padStart(8),
          String(row.elements).padStart(8),
          String(row.listeners).padStart(9),
          row.cost.toFixed(1).padStart(12),
          row.said.padStart(9),
          row.load.toFixed(1).padStart(4),
        ].join("  "),
      );
    }
    const settled = rows.length > 3 ? rows.slice(1) : rows;
    const [heap, elements] = [growth(settled.map((one) => one.heap)), growth(settled.map((one) => one.elements))];
    const frames = mean(settled.map((one) => one.frames));
    const slow = settled.filter((one) => one.frames < 29).length;
    console.log(
      `frames/s: mean ${frames.toFixed(1)}, lowest minute ${Math.min(...settled.map((one) => one.frames)).toFixed(1)}, minutes under 29: ${slow} of ${settled.length}`,
    );
    console.log(
      `from the first third to the last: heap ${heap >= 0 ? "+" : ""}${heap.toFixed(2)} MiB, elements ${elements >= 0 ? "+" : ""}${elements.toFixed(0)}; the node used ${((cpuOf(pid) - cpu) / (minutes * 60)).toFixed(2)} cores`,
    );
    const cost = mean(settled.map((one) => one.cost));
    console.log(
      `the browser used ${cost.toFixed(1)} ms of processor for a frame: 30 frames/s take ${((cost * 30) / 1000).toFixed(2)} of ${cpus().length} cores`,
    );
    const grows = heap > Math.max(1, 0.1 * mean(settled.map((one) => one.heap))) || elements > 500;
    console.log(
      `verdict: ${frames >= 29 ? "30 frames/s held" : "30 frames/s NOT held on this machine"}; ${grows ? "it GROWS" : "it does not grow"}; errors on the page: ${errors.length}`,
    );
    for (const error of errors.slice(0, 5)) console.log(error);
    if (grows || errors.length > 0) process.exitCode = 1;
  } finally {
    await browser.close();
  }
} finally {
  clearInterval(feeding);
  for (const child of children) child.stdin?.end();
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exit = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exit;
    clearTimeout(late);
  }
  rmSync(folder, { recursive: true, force: true });
}
