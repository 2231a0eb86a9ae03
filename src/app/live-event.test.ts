// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { formatIp } from "../net/ip.ts";
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
  // What a sort of all rows would say.
  const { batch } = inventBatch({ sequence: 2, interval: 1.7e15, flows: 500 });
  const { packets, src, dst_port } = batch.flows.columns;
  const sorted = Array.from({ length: batch.flows.count }, (_, i) => i)
    .filter((i) => dst_port.present[i] === 1)
    .sort((a, b) => packets.values[b]! - packets.values[a]! || a - b);
  const event = liveEvent(batch, origins, new Map());
  expect(event?.rows.map((row) => [row.src, row.port, row.packets])).toEqual(
    sorted.slice(0, 12).map((i) => [formatIp(src.values, 4 * i), dst_port.values[i], packets.values[i]]),
  );
  const distinct = new Set(
    Array.from({ length: batch.flows.count }, (_, i) => src.values.slice(4 * i, 4 * i + 4).join()),
  );
  expect(event?.sources).toBe(distinct.size);
  expect(told({ exercise: "drill-1" })).toBeNull();
  expect(told({ realm: "member-1" })).toBeNull();
  rmSync(folder, { recursive: true, force: true });
});
