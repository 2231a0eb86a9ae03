// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Evaluation } from "../app/evaluate.ts";
import { evaluationLooks, evaluationNames, evaluationScenarios } from "../app/evaluate-files.ts";
import { flag, text, texts, usageError, whole } from "./command.ts";
import type { Command } from "./command.ts";
import { table } from "./table.ts";

export const evaluate: Command = {
  summary: "measure detectors on worlds whose truth is known",
  usage: "[SCENARIO...] [--all] [--detector FILE]... [--days N] [--keep FOLDER [--kept]] [--out FILE.md] [--json]",
  text: `SCENARIO is a name of scenarios/evaluate (${evaluationNames().join(", ")}) or a file; without one, sample. --all takes every test scenario.\nA detector in a FILE of your own is measured like the built-in ones: its default export is a detector (docs/detectors.md), its questions may only read the store's own tables.`,
  options: {
    all: { type: "boolean", doc: "every scenario of scenarios/evaluate/test, one after the other" },
    detector: {
      type: "string",
      multiple: true,
      value: "FILE",
      doc: "measure this detector instead of the built-in ones",
    },
    days: { type: "string", value: "N", doc: "play only so many days of each" },
    keep: {
      type: "string",
      value: "FOLDER",
      doc: "keep played worlds and claims there, and ask again only what changed since",
    },
    kept: {
      type: "boolean",
      doc: "play and ask nothing: report what is kept in the folder of --keep so far",
    },
    out: {
      type: "string",
      value: "FILE.md",
      doc: "also write the report there, and beside it the measured rates as JSON, which the portal shows",
    },
    json: { type: "boolean", doc: "one JSON object on standard output" },
  },
  examples: [
    "layang evaluate",
    "layang evaluate --all --out docs/evaluation.md",
    "layang evaluate tune/mixed --detector ./my-detector.ts",
  ],
  run: async (parsed) => {
    const { evaluateScenario, loadDetector } = await import("../app/evaluate.ts");
    const { floors, notAsked, report } = await import("../app/evaluate-report.ts");
    const { sumAsked } = await import("../app/evaluate-asked.ts");
    const all = flag(parsed, "all");
    if (all && parsed.paths.length > 0) throw usageError("evaluate takes scenarios or --all, not both");
    const days = whole(parsed, "days", 1, 366);
    const own = await Promise.all(texts(parsed, "detector").map((file) => loadDetector(file)));
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const keep = text(parsed, "keep");
    const done: Evaluation[] = [];
    const soFar = flag(parsed, "kept");
    const waiting: string[] = [];
    if (soFar && keep === undefined) throw usageError("--kept reports what lies in the folder of --keep");
    for (const which of evaluationScenarios(all ? null : parsed.paths)) {
      let detectors = own;
      if (soFar) {
        const { askedSoFar } = await import("../app/evaluate-kept.ts");
        const { openWorld } = await import("../app/evaluate-world.ts");
        const world = openWorld(which, days === undefined ? {} : { days });
        const { asked, missing } = await askedSoFar(resolve(keep!), world, own);
        if (missing.length > 0)
          waiting.push(
            `${world.scenario.name} (${asked.length === 0 ? "not at all" : `without ${missing.join(", ")}`})`,
          );
        if (asked.length === 0) continue;
        detectors = [...asked];
      }
      done.push(
        await evaluateScenario(which, {
          say,
          ...(detectors.length === 0 ? {} : { detectors }),
          ...(days === undefined ? {} : { days }),
          ...(keep === undefined ? {} : { keep: resolve(keep) }),
        }),
      );
      const last = done.at(-1)!;
      say(`${last.scenario}: asked in ${last.seconds.detect.toFixed(0)} s, ${last.claims.length} claims`);
    }
    if (done.length === 0) throw usageError("nothing is kept there yet");
    if (waiting.length > 0) say(`Not asked yet: ${waiting.join("; ")}`);
    const command = `layang evaluate${all ? " --all" : parsed.paths.map((path) => ` ${path}`).join("")}${days === undefined ? "" : ` --days ${days}`}${soFar ? " --keep FOLDER --kept" : ""}`;
    const out = text(parsed, "out");
    if (out !== undefined) {
      const { answerCaptures } = await import("../app/evaluate-captures.ts");
      const { measuredOf } = await import("../app/evaluate-measured.ts");
      const page = report(done, { command, looks: evaluationLooks(), real: answerCaptures(), missing: waiting });
      writeFileSync(resolve(out), page);
      const file = resolve(out).replace(/\.md$/, "");
      if (own.length === 0) {
        const measured = measuredOf(done, command, new Date().toISOString());
        writeFileSync(`${file}.json`, `${JSON.stringify(measured, null, 1)}\n`);
      }
    }
    if (flag(parsed, "json")) {
      process.stdout.write(`${JSON.stringify(done.map(({ claims: _, ...rest }) => rest))}\n`);
      return 0;
    }
    const sum = floors(
      sumAsked(done),
      done.flatMap(({ asked }) => asked),
    );
    process.stdout.write(
      table(
        ["what", "floor", "measured", ""],
        sum.map((one) => [
          one.name,
          one.floor,
          one.measured,
          one.met === null ? (one.measured === notAsked ? "" : "not measured") : one.met ? "met" : "NOT MET",
        ]),
      ),
    );
    return 0;
  },
};
