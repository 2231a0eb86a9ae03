// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Detection } from "../model/detection.ts";
import { holdReasons } from "../model/detection.ts";
import { alertStates, day, defaultPolicy, hour, minute, second } from "./alert.ts";
import type { Alert, Owner } from "./alert.ts";
import { count } from "./breaker.ts";
import { close, continues, isHeld, news, observe, open, untold } from "./life.ts";
import { draw } from "./samples.ts";
import { rankOf, severityOf } from "./severity.ts";
import { network64, subjectOf } from "./subject.ts";

const start = 1_780_272_000_000_000;
const home: Owner = {
  organisation: "alpha",
  network: "192.0.2.0/24",
  translation: "none",
  essential: false,
  country: "ID",
};
const policy = { ...defaultPolicy, country: "ID" };
const found = (more: Partial<Detection> = {}): Detection => ({
  id: "d1",
  detector: "infected",
  version: 1,
  kind: "infected-host",
  realm: "",
  exercise: "",
  source: "192.0.2.7",
  protocol: "tcp",
  port: 23,
  first: start,
  last: start + minute,
  packets: 40,
  darkAddresses: 20,
  sensors: ["a", "b"],
  confidence: 0.9,
  family: null,
  held: [],
  evidence: {},
  samples: [],
  ...more,
});
const birth = { marking: "TLP:AMBER", origin: "node", asn: null, country: "ID" } as const;
const opened = (more: Partial<Detection> = {}, owner: Owner | null = home): Alert =>
  open("a1", found(more), owner, policy, start + minute, birth).alert;

describe("a subject", () => {
  it("is an address, a /64, or behind translation the address and the family", () => {
    expect(subjectOf("192.0.2.7", "mirai", "none")).toBe("192.0.2.7");
    expect(subjectOf("192.0.2.7", "mirai", "cgnat")).toBe("192.0.2.7#mirai");
    expect(subjectOf("192.0.2.7", null, "cgnat")).toBe("192.0.2.7#unknown");
    expect(subjectOf("2001:db8:1:2:a:b:c:d", "mirai", "cgnat")).toBe("2001:db8:1:2::/64");
    expect(network64("192.0.2.7")).toBeNull();
  });
  it("is one for every address of a /64, and never has a time or a port in it", () =>
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(0xffff), (a, b) => {
        const one = subjectOf(`2001:db8:7:1:${a.toString(16)}::1`, null, "none");
        expect(one).toBe(subjectOf(`2001:db8:7:1::${b.toString(16)}`, null, "none"));
      }),
    ));
});

describe("a life", () => {
  it("goes from new to continuing, quiet and relapsed", () => {
    let alert = opened();
    expect(alert.state).toBe("new");
    alert = observe(
      alert,
      found({ id: "d1", last: start + 2 * hour, packets: 50 }),
      { packets: 40 },
      home,
      policy,
      start + 2 * hour,
    ).alert;
    expect(alert).toMatchObject({ state: "continuing", packets: 50, relapses: 0 });
    alert = { ...alert, state: "quiet", quieted: alert.last };
    // A row that came late, of before the silence, is no relapse.
    expect(
      observe(alert, found({ id: "d2", last: alert.last - minute }), null, home, policy, start + day).alert.state,
    ).toBe("quiet");
    const back = observe(alert, found({ id: "d3", last: start + 3 * day }), null, home, policy, start + 3 * day);
    expect(back.changes).toContain("relapsed");
    expect(back.alert).toMatchObject({ state: "relapsed", relapses: 1, quieted: null, told: null });
    expect(news(back.alert, policy)).toBe("relapse");
  });
  it("goes on after it was closed, but not for ever, and not where it was another's", () => {
    const closed = close(opened(), "silence", start + day);
    expect(continues(closed, found({ last: start + 20 * day }), policy)).toBe(true);
    expect(continues(closed, found({ last: start + 200 * day }), policy)).toBe(false);
    expect(continues(close(opened(), "not-ours", start + day), found({ last: start + 2 * day }), policy)).toBe(false);
  });
  it("tells only what a rule accepts, of an owner, with confidence, not held, not suppressed", () => {
    expect(untold(opened(), policy, start)).toBeNull();
    expect(untold(opened({ kind: "sighting" }), policy, start)).toBe("kind");
    expect(untold(opened({}, null), policy, start)).toBe("unclaimed");
    expect(untold(opened({ confidence: 0.3 }), policy, start)).toBe("confidence");
    expect(untold(opened({ held: ["ttl-spread"] }), policy, start)).toBe("held");
    expect(untold({ ...opened(), suppressedUntil: start + day }, policy, start)).toBe("suppressed");
    expect(untold({ ...opened(), suppressedUntil: start + day }, policy, start + 2 * day)).toBeNull();
  });
  it("holds an owner abroad until a second sensor agrees; other holds stay until somebody releases them", () => {
    const abroad = { ...home, country: "TH" };
    const one = opened({ sensors: ["a"] }, abroad);
    expect(one.held).toEqual(["one-sensor-abroad"]);
    const two = observe(one, found({ id: "d2", sensors: ["b"] }), null, abroad, policy, start + hour);
    expect(two.alert.held).toEqual([]);
    expect(two.changes).toContain("cleared");
    const forged = opened({ held: ["correlated-onset"] });
    const later = observe(forged, found({ id: "d2", held: [] }), null, home, policy, start + hour).alert;
    expect(isHeld(later)).toBe(true);
    const released = { ...later, released: start + hour };
    expect(untold(released, policy, start + hour)).toBeNull();
    // What is found wrong afterwards holds again.
    expect(
      isHeld(observe(released, found({ id: "d3", held: ["ttl-spread"] }), null, home, policy, start + 2 * hour).alert),
    ).toBe(true);
  });
  it("takes the detector's own words for the rule, the ports and the signature, and nothing else of its evidence", () => {
    const alert = opened({
      evidence: {
        rule: "mark",
        mode: "outbound, seen at home",
        dark: "203.0.113.77",
        ports: { "23/tcp": 9, "2323/tcp": 3, "203.0.113.77": 1 },
        signatures: ["14600:mss:1460:-"],
        note: "to 203.0.113.77",
      },
    });
    expect(alert).toMatchObject({
      tests: ["infected: mark: outbound, seen at home"],
      ports: [23, 2323],
      signature: "14600:mss:1460:-",
    });
    expect(JSON.stringify(alert)).not.toContain("203.0.113");
    expect(opened({ evidence: { rule: "to 203.0.113.77!" } }).tests).toEqual(["infected"]);
  });
  it("keeps its promises whatever is found in whatever order", () => {
    const finding = fc.record({
      id: fc.constantFrom("d1", "d2", "d3"),
      last: fc.nat(30 * day),
      packets: fc.nat(1_000),
      sensors: fc.subarray(["a", "b", "c"], { minLength: 1 }),
      held: fc.subarray([...holdReasons]),
      family: fc.constantFrom(null, "mirai"),
      quiet: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(finding, { minLength: 1, maxLength: 20 }), (list) => {
        let alert: Alert | null = null;
        let relapses = 0;
        const counted = new Map<string, number>();
        for (const { quiet, last, ...one } of list) {
          const detection = found({ ...one, last: start + last });
          const now = start + last + second;
          const before: Alert | null = alert;
          alert =
            before === null
              ? open("a1", detection, home, policy, now, birth).alert
              : observe(
                  before,
                  detection,
                  counted.has(one.id) ? { packets: counted.get(one.id) ?? 0 } : null,
                  home,
                  policy,
                  now,
                ).alert;
          counted.set(one.id, one.packets);
          expect(alertStates).toContain(alert.state);
          expect(alert.packets).toBe([...counted.values()].reduce((sum, n) => sum + n, 0));
          expect(alert.first).toBeLessThanOrEqual(alert.last);
          expect(alert.relapses).toBeGreaterThanOrEqual(relapses);
          expect(alert.severity).toBe(severityOf(alert));
          expect(alert.rank).toBe(rankOf(alert));
          // Nobody released it: what held it once holds it still, but for the one that ends by itself.
          for (const reason of before?.held ?? [])
            if (reason !== "one-sensor-abroad") expect(alert.held).toContain(reason);
          if (alert.held.length > 0) expect(untold(alert, policy, now)).not.toBeNull();
          relapses = alert.relapses;
          if (quiet) alert = { ...alert, state: "quiet", quieted: alert.last };
        }
      }),
    );
  });
});

it("ranks essential services first at equal severity, and severity before everything", () => {
  const plain = opened({ family: "mirai", confidence: 0.95 });
  const essential = opened({ family: "mirai", confidence: 0.95 }, { ...home, essential: true });
  expect([plain.severity, essential.severity]).toEqual(["high", "critical"]);
  expect(essential.rank).toBeGreaterThan(plain.rank);
  const huge = opened({ kind: "scanning-host", packets: 1e9, darkAddresses: 1e6, confidence: 1 });
  expect(huge.rank).toBeLessThan(plain.rank);
});

it("stops mailing beyond its breakers, first for an owner, then for all", () => {
  const limits = { ...policy, immediatePerHour: 2, ownerBreaker: 4, globalBreaker: 7 };
  const told = { owners: new Map<string, number>(), all: 0 };
  const ways = ["a", "a", "a", "a", "a", "b", "b", "b", "c"].map((owner) => count(told, owner, limits));
  expect(ways).toEqual([
    "letter",
    "letter",
    "digest",
    "digest",
    "owner-breaker",
    "letter",
    "letter",
    "global-breaker",
    "global-breaker",
  ]);
});

it("draws the same samples however they arrive, and no more than it keeps", () => {
  const sample = fc.record({
    time: fc.nat(1e6),
    error: fc.constant(null),
    sourcePort: fc.nat(65_535),
    port: fc.constant(23),
  });
  const lot = ({ time, sourcePort }: { time: number; sourcePort: number }): string =>
    String((time * 2_654_435_761 + sourcePort * 40_503) % 1_000_003).padStart(9, "0");
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), fc.integer({ min: 1, max: 16 }), (seen, atMost) => {
      const all = draw(seen, atMost, lot);
      expect(all.length).toBeLessThanOrEqual(atMost);
      // In two steps, the second with what the first kept.
      const half = Math.floor(seen.length / 2);
      expect(draw([...draw(seen.slice(0, half), atMost, lot), ...seen.slice(half)], atMost, lot)).toEqual(all);
    }),
  );
});
