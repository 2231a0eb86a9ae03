// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkNode, judge, judgeSilence, remoteEnds } from "../src/app/sensor-doctor.ts";
import type { Machine } from "../src/app/sensor-doctor.ts";
import { formatIp, parseIp } from "../src/net/ip.ts";
import type { IpWords } from "../src/net/ip.ts";
import { parsePrefix } from "../src/net/prefix.ts";
import { openHand, openNode } from "./ship/bench.ts";

const dark = ["198.51.100.0/24", "2001:db8:77::/64"].flatMap((text) => parsePrefix(text) ?? []);
const address = (text: string): IpWords => parseIp(text) ?? [0, 0, 0, 0];
const healthy: Machine = {
  links: [{ ifname: "eth1", flags: ["BROADCAST", "UP"] }],
  addresses: [{ ifname: "eth1", addr_info: [{ local: "192.0.2.1" }, { local: "fe80::1" }] }],
  neighbours: [
    { dst: "192.0.2.254", lladdr: "02:00:00:00:00:01", state: ["REACHABLE"] },
    { dst: "198.51.100.9", state: ["FAILED"] },
  ],
  routes: [{ dev: "eth1", gateway: "192.0.2.254" }, { type: "unreachable" }],
  forwarding: { v4: false, v6: false },
  connections: [address("192.0.2.254")],
  management: [{ what: "the node", address: address("203.0.113.5") }],
};
const complaints = (change: Partial<Machine>): string[] =>
  judge({ ...healthy, ...change }, "eth1", dark)
    .filter(({ state }) => state !== "ok")
    .map(({ state, text }) => `${state}: ${text}`);

describe("the doctor", () => {
  it("has nothing to say against a machine that is well", () => expect(complaints({})).toEqual([]));

  it.each<[string, Partial<Machine>, RegExp]>([
    ["an interface that is not there", { links: [] }, /^fail: there is no interface eth1$/],
    ["an interface that is down", { links: [{ ifname: "eth1", flags: [] }] }, /^fail: eth1 is down/],
    [
      "an own address in the dark",
      { addresses: [{ ifname: "eth2", addr_info: [{ local: "198.51.100.7" }] }] },
      /^fail: .*198\.51\.100\.7 \(eth2\)/,
    ],
    [
      "a neighbour in the dark",
      { neighbours: [{ dst: "2001:db8:77::5", lladdr: "02:00:00:00:00:05", state: ["STALE"] }] },
      /^fail: not dark, .*2001:db8:77::5/,
    ],
    [
      "a local route",
      { routes: [{ type: "local", dev: "lo" }, healthy.routes[1]] },
      /^fail: 198\.51\.100\.0\/24: the kernel/,
    ],
    [
      "forwarding back",
      { forwarding: { v4: true, v6: false } },
      /^fail: 198\.51\.100\.0\/24: .*on to 192\.0\.2\.254; ip route add blackhole 198\.51\.100\.0\/24$/,
    ],
    [
      "forwarding into errors",
      { forwarding: { v4: false, v6: true } },
      /^fail: 2001:db8:77::\/64: .*ICMP errors; ip -6 route add blackhole 2001:db8:77::\/64$/,
    ],
    [
      "a connection into the dark",
      { connections: [address("198.51.100.44")] },
      /^fail: this machine talks .*198\.51\.100\.44/,
    ],
    [
      "a remote shell from the dark",
      { management: [{ what: "the remote shell's client", address: address("198.51.100.2") }] },
      /^fail: the remote shell's client/,
    ],
    ["a machine without ip", { links: undefined }, /^warn: `ip`/],
  ])("sees %s", (_, change, expected) => {
    const said = complaints(change);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(expected);
  });

  it("does not mind forwarding when a blackhole swallows the packets", () =>
    expect(
      complaints({ forwarding: { v4: true, v6: true }, routes: [{ type: "blackhole" }, { type: "blackhole" }] }),
    ).toEqual([]));

  it.each([
    ["a /24 of IPv4", ["198.51.100.0/24"], "fail", /some 205 are usual/],
    ["a /24 of IPv4 beside IPv6", ["198.51.100.0/24", "2001:db8:77::/48"], "fail", /some 205 are usual/],
    ["few addresses", ["198.51.100.0/29", "2001:db8:77::/48"], "warn", /ask for longer/],
    ["IPv6 alone", ["2001:db8:77::/48"], "warn", /for IPv6 that is usual/],
  ] as const)("judges ten seconds of silence in %s", (_, texts, state, said) => {
    const found = judgeSilence(
      "eth1",
      texts.flatMap((text) => parsePrefix(text) ?? []),
      10,
    );
    expect(found.state).toBe(state);
    expect(found.text).toMatch(said);
  });

  it("reads the other ends of connections as the kernel prints them", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue",
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000",
      "   1: 0100000A:0016 0464A8C0:D1F2 01 00000000:00000000",
      "   2: 0000000000000000FFFF00000100007F:0016 B80D01200000000000000000010000FF:D1F2 01",
    ].join("\n");
    expect(remoteEnds(table).map((one) => formatIp(one))).toEqual(["192.168.100.4", "2001:db8::ff00:1"]);
  });

  it("asks the node it enrolled at, and says how that went", async () => {
    const node = await openNode({ clock: () => Date.now() * 1_000 });
    const { state, name } = await openHand(node, "asks-1");
    const said = async (): Promise<string[]> => (await checkNode({ state })).map((one) => `${one.state}: ${one.text}`);
    expect(await said()).toEqual([
      `ok: ${node.receiver.address.url} answers`,
      expect.stringMatching(/^ok: this clock differs from the node's by \d+\.\d s$/),
      "ok: the node knows this machine as sensor asks-1",
    ]);
    node.registry.revoke(name);
    expect((await said())[2]).toMatch(/^fail: .*asks-1 was revoked/);
    await node.stop();
    expect(await said()).toEqual([expect.stringMatching(/^fail: .*does not answer \(ECONNREFUSED\)$/)]);
    expect((await checkNode({ state: join(state, "none") }))[0]).toMatchObject({ state: "warn" });
  });

  it("says of a clock that is wrong by how much", async () => {
    const node = await openNode({ clock: () => (Date.now() + 90_000) * 1_000 });
    const { state } = await openHand(node, "clock-1");
    expect((await checkNode({ state }))[1]).toMatchObject({
      state: "warn",
      text: expect.stringMatching(/^this clock is (89|90)\.\d s behind the node's: run NTP/) as string,
    });
    await node.stop();
  });
});
