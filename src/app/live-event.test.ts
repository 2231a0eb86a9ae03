// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inventBatch } from "../store/flows/batches.conformance.ts";
import { Origins, originsIn } from "../store/flows/origins.ts";
import { liveEvent } from "./live-event.ts";

it("tells every page of what is everyone's, and none of an exercise or of a member's own realm", () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-live-"));
  for (const [name, line] of [
    ["asn-ipv4-num.csv", '3221225984,3221226239,64496,"Invented"'],
    ["asn-ipv6-num.csv", '42540766411282592856903984951653826560,42540766490510755371168322545197776895,64499,"Six"'],
    ["geo-whois-asn-country-ipv4-num.csv", "3221225984,3221226239,JP"],
    [
      "geo-whois-asn-country-ipv6-num.csv",
      "42540766411282592856903984951653826560,42540766490510755371168322545197776895,MY",
    ],
  ] as const) {
    writeFileSync(join(folder, name), `${line}\n`);
  }
  const origins = new Origins(() => originsIn(folder), null);
  const told = (whose: { realm?: string; exercise?: string }): unknown =>
    liveEvent(inventBatch({ sequence: 1, interval: 1.7e15, ...whose }).batch, origins, new Map());
  expect(told({})).toMatchObject({ flows: 100 });
  expect(told({ exercise: "drill-1" })).toBeNull();
  expect(told({ realm: "member-1" })).toBeNull();
  rmSync(folder, { recursive: true, force: true });
});
