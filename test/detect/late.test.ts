// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Packet } from "../flow/packets.ts";
import { bot, scan } from "./scan.ts";
import { Walk } from "./walk.ts";
import { HOUR, SECOND, START, openWorld, ownersOf } from "./world.ts";
import type { World } from "./world.ts";

const sensors = [
  { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" },
  { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" },
];
const nets = ["192.0.2.", "198.51.100."];
const isp = "isp,36.64.0.0/10,ID\n";
const owners = ownersOf(`organisation,prefix,country\n${isp}`);

describe("an infected host's rows that came late", { timeout: 120_000 }, () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  /** Of so many hosts of one ISP, at distances of their own, that begin within a minute. */
  const crowd = (from: number, hosts: number, first = 0): Packet[] =>
    Array.from({ length: hosts }, (_, i) =>
      scan({
        src: `36.${64 + ((first + i) % 60)}.9.${first + i}`,
        from: from + (first + i) * SECOND,
        gap: 100 * SECOND,
        nets,
        seed: first + i + 1,
        change: { ttl: 34 + ((i * 11) % 27) },
      }),
    ).flat();
  const heldOf = (walk: Walk): Map<string, readonly string[]> =>
    new Map(walk.claims().map(({ source, held }) => [source!, held]));

  it("are judged together: a crowd that a spool held back is held back", async () => {
    const scope = world.scope();
    await world.feed(scope, sensors, scan({ nets }));
    const walk = await new Walk(world, scope, owners).walk(START, START + 12 * HOUR, HOUR);
    await world.feed(scope, sensors, crowd(START + 8 * HOUR, 60));
    await walk.late(START + 8 * HOUR, START + 9 * HOUR);
    const told = walk.told.filter(({ source, kind }) => source !== bot && kind !== "sighting");
    expect(new Set(told.map(({ source }) => source)).size).toBe(60);
    expect(told.filter(({ held }) => !held.includes("correlated-onset"))).toEqual([]);
  });

  it("let no crowd go of which a half comes late", async () => {
    const scope = world.scope();
    await world.feed(scope, sensors, [...scan({ nets }), ...crowd(START + 8 * HOUR, 60)]);
    const walk = await new Walk(world, scope, owners).walk(START, START + 12 * HOUR, HOUR);
    expect([...heldOf(walk)].filter(([, held]) => held.includes("correlated-onset"))).toHaveLength(60);
    const before = walk.told.length;
    await world.feed(
      scope,
      sensors,
      crowd(START + 8 * HOUR, 30).filter((_, i) => i % 12 === 3),
    );
    await walk.late(START + 8 * HOUR, START + 9 * HOUR);
    const told = walk.told.slice(before).filter(({ source, kind }) => source !== bot && kind !== "sighting");
    expect(new Set(told.map(({ source }) => source)).size).toBeGreaterThanOrEqual(30);
    expect(told.filter(({ held }) => !held.includes("correlated-onset"))).toEqual([]);
  });

  it("take no hold away about which nobody can ask any more", async () => {
    const scope = world.scope();
    const forged = Array.from({ length: 20 }, (_, i) =>
      scan({
        packets: 14,
        from: START + i * 1_800 * SECOND,
        gap: HOUR / 4,
        src: `36.${64 + i}.${i}.${(i * 7) % 251}`,
        seed: i + 1,
        nets,
        mirai: true,
        change: { signature: [(1_000 + i * 2_503) * 65_536, 0xff000000] },
      }),
    ).flat();
    await world.feed(scope, sensors, forged);
    const walk = await new Walk(world, scope, owners).walk(START, START + 40 * HOUR, HOUR);
    expect([...heldOf(walk).values()]).toEqual(Array.from({ length: 20 }, () => ["one-way"]));
    const withdrawn = walk.withdrawn.length;
    const one = scan({ packets: 1, from: START + 38.2 * HOUR, gap: SECOND, src: "36.64.0.0", nets, mirai: true });
    await world.feed(scope, sensors, one);
    await walk.late(START + 38 * HOUR, START + 39 * HOUR);
    expect(walk.told.at(-1)).toMatchObject({ source: "36.64.0.0", packets: 15, held: ["one-way"] });
    expect(walk.withdrawn.length).toBe(withdrawn);
  });

  it("give no host the beginning of another", async () => {
    const scope = world.scope();
    const [a, b] = [bot, "36.72.3.4"];
    await world.feed(scope, sensors, [
      ...scan({ src: a, packets: 50, nets }),
      ...scan({ src: b, packets: 50, nets, seed: 5 }),
    ]);
    const one = ownersOf("organisation,prefix,country\nisp,36.70.0.0/16,ID\n");
    const walk = await new Walk(world, scope, one).walk(START, START + 24 * HOUR, HOUR);
    // The other's network is claimed.
    walk.owners = owners;
    await walk.walk(START + 24 * HOUR, START + 44 * HOUR, HOUR);
    const before = walk.claims();
    expect(before.map(({ source, first }) => [source, first >= START + 24 * HOUR])).toEqual([
      [a, false],
      [b, true],
    ]);
    await world.feed(
      scope,
      sensors,
      [a, b].flatMap((src) => scan({ src, packets: 1, from: START + 42 * HOUR, gap: SECOND, nets })),
    );
    await walk.late(START + 42 * HOUR, START + 43 * HOUR);
    expect(walk.claims().map(({ source, first, packets }) => [source, first, packets])).toEqual(
      before.map(({ source, first, packets }) => [source, first, packets + 1]),
    );
  });
});
