// SPDX-License-Identifier: Apache-2.0
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deskEndpoints } from "../../src/api/contract/desk/index.ts";
import type { DeskAnswer } from "../../src/api/contract/desk/index.ts";
import { withSearch } from "../../src/api/desk/search.ts";
import { systemActor } from "../../src/model/actor.ts";
import { openHouse } from "../access/house.ts";
import type { Browser, House } from "../access/house.ts";
import { embeddedPlace } from "../desk/place.ts";
import { detection, hour, makeCases, owner } from "./place.ts";

const ajv = new Ajv2020({ strict: false });
formats.default(ajv as never, ["date-time"]);
const faults: unknown[] = [];
const base = "/api/v1/desk";
let house: House;
let analyst: Browser;
let other: Browser;
let alpha: Browser;
let observer: Browser;

beforeAll(async () => {
  const place = await embeddedPlace();
  const desk = await place.open();
  const cases = makeCases(desk, [owner("alpha", "192.0.2.0/24"), owner("beta", "198.51.100.0/24")]);
  house = await openHouse({
    place: { open: () => Promise.resolve(desk), remove: () => place.remove() },
    api: { onFault: (error) => faults.push(error) },
    desk: [(server, actorOf) => withSearch(server, { desk, now: () => house.clock.now }, actorOf)],
  });
  analyst = await house.person("ana@node.example", ["analyst"]);
  other = await house.person("ben@node.example", ["administrator"]);
  alpha = await house.person("alpha@alpha.example", ["member"], ["alpha"]);
  observer = await house.person("obs@node.example", ["observer"]);
  const { now } = house.clock;
  await desk.as(systemActor, async (trx) => {
    const at = { first: now - hour, last: now - hour / 2 };
    await cases.takeDetections(
      trx,
      [detection("192.0.2.5", at), detection("198.51.100.9", at), detection("2001:db8:5:1::9", at)],
      { now },
    );
  });
}, 60_000);
afterAll(async () => {
  await house?.close();
});

const asked = async (browser: Browser, q: string): Promise<string[]> => {
  const { status, body } = await browser.call("GET", `${base}/search?q=${encodeURIComponent(q)}`);
  expect(faults.splice(0)).toEqual([]);
  expect(status, JSON.stringify(body)).toBe(200);
  expect(ajv.validate(JSON.parse(JSON.stringify(deskEndpoints["desk/search"].answer)), body), ajv.errorsText()).toBe(
    true,
  );
  return (body as DeskAnswer<"desk/search">).rows.map(({ kind, label }) => `${kind} ${label}`);
};

it("finds cases, organisations, networks and alerts by what people type", async () => {
  expect(await asked(analyst, "192.0.2.5")).toEqual([
    "case LAYANG-1",
    "organisation The alpha",
    "network 192.0.2.0/24",
    "alert 192.0.2.5",
  ]);
  expect(await asked(analyst, "layang-2")).toEqual(["case LAYANG-2"]);
  expect(await asked(analyst, "alpha")).toContain("organisation The alpha");
  expect(await asked(analyst, "198.51.100.0/25")).toEqual([
    "case LAYANG-2",
    "organisation The beta",
    "network 198.51.100.0/24",
    "alert 198.51.100.9",
  ]);
  // As people type it: from the middle of a prefix; any address of a host's /64; an address that nothing was seen of.
  expect(await asked(analyst, "198.51.100.77/24")).toContain("alert 198.51.100.9");
  expect(await asked(analyst, "2001:db8:5:1:abcd::2")).toContain("alert 2001:db8:5:1::/64");
  expect(await asked(analyst, "192.0.2.200")).toEqual(["organisation The alpha", "network 192.0.2.0/24"]);
  expect(await asked(analyst, "203.0.113.1")).toEqual([]);
  expect((await asked(analyst, "mirai")).filter((hit) => hit.startsWith("alert"))).toHaveLength(3);
});

it("takes what is typed as words, never as a pattern or a statement", async () => {
  for (const q of ["%%", "__", "'; DROP TABLE alerts; --", "\\", "999999999999999999999999", "AS99999999999", "::/0"]) {
    const found = await asked(analyst, q);
    if (q !== "::/0") expect(found, q).toEqual([]);
  }
  expect((await analyst.call("GET", `${base}/search?q=`)).status).toBe(400);
});

it("finds for a member what is its own, for an observer nothing", async () => {
  expect(await asked(alpha, "mirai")).toContain("alert 192.0.2.5");
  for (const q of ["198.51.100.9", "LAYANG-2", "beta"]) expect(await asked(alpha, q), q).toEqual([]);
  expect((await observer.call("GET", `${base}/search?q=mirai`)).status).toBe(403);
});

it("keeps filters, each for the one who kept it", async () => {
  const view = { page: "alerts", name: "Mine", search: "state=new" };
  expect((await analyst.call("POST", `${base}/views`, view)).status).toBe(200);
  const again = await analyst.call("POST", `${base}/views`, { ...view, search: "state=quiet" });
  const { rows } = again.body as DeskAnswer<"views">;
  expect(rows.map(({ name, search }) => [name, search])).toEqual([["Mine", "state=quiet"]]);
  expect((await other.call("GET", `${base}/views`)).body).toEqual({ rows: [] });
  const id = rows[0]?.id ?? "";
  expect((await other.call("POST", `${base}/views/${id}/remove`, {})).status).toBe(404);
  expect((await analyst.call("POST", `${base}/views/${id}/remove`, {})).body).toEqual({ done: true });
  expect((await analyst.call("GET", `${base}/views`)).body).toEqual({ rows: [] });
  expect((await analyst.call("POST", `${base}/views`, { ...view, person_id: "x" })).status).toBe(400);
});
