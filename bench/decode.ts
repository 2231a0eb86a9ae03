// SPDX-License-Identifier: Apache-2.0
/**
 * Reading and decoding a capture against `tcpdump --count` on the same file: whole processes in turn, one thread each at
 * work, user time as the kernel accounts it (for us that includes starting Node and optimising). Prints the median ratio of
 * packets per second of user time; above 1 we are faster. `node bench/decode.ts [PACKETS]`.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ethernet, hex, icmp, ipv4, pcap, stamped, tcp, u32, udp, zeros } from "../test/fuzz/build.ts";
import { random } from "../test/fuzz/random.ts";

const ROUNDS = 9;
const ONE = join(import.meta.dirname, "decode-one.ts");
const BLOCK = 50_000;

/** Packets in the proportions of unused addresses: SYNs without options, with an MSS, as Linux and Windows send them; some UDP and ICMP. */
const block = (): Uint8Array => {
  const chance = random(1);
  const lists = [
    ...Array.from({ length: 55 }, () => ""),
    ...Array.from({ length: 27 }, () => "020405b4"),
    ...Array.from({ length: 8 }, () => "020405b40402080a1234567800000000 01030307"),
    ...Array.from({ length: 3 }, () => "020405b4 01030308 01010402"),
  ];
  const ports = [23, 22, 80, 443, 445, 2323, 3389, 8080];
  const packets = Array.from({ length: BLOCK }, (_, i) => {
    const ends = { src: u32(chance.below(2 ** 32)), dst: [192, 0, 2, chance.below(256)], id: chance.below(65_536) };
    const [src, seq] = [1024 + chance.below(60_000), chance.below(2 ** 32)];
    const kind = chance.below(100);
    const upper =
      kind < 93
        ? ipv4(tcp({ src, seq, dst: chance.pick(ports), options: hex(lists[kind]!) }), ends)
        : kind < 98
          ? ipv4(udp(zeros(30), { src, dst: chance.pick(ports) }), { ...ends, protocol: 17 })
          : ipv4(icmp(8, 0, zeros(32)), { ...ends, protocol: 1 });
    const frame = ethernet(0x0800, upper);
    return stamped(frame.length < 60 ? [...frame, ...zeros(60 - frame.length)] : frame, 1_700_000_000 + (i >> 14), i);
  });
  return pcap(packets);
};

const write = (path: string, packets: number): void => {
  const bytes = block();
  const file = openSync(path, "w");
  writeSync(file, bytes, 0, 24);
  for (let done = 0; done < packets; done += BLOCK) writeSync(file, bytes, 24);
  closeSync(file);
};

const seconds = (text: string): number => {
  const [minutes = "0", rest = "0"] = text.split("m");
  return 60 * Number(minutes) + Number.parseFloat(rest);
};
interface Cost {
  user: number;
  wall: number;
  packets: number;
}
/** Runs a command in a shell of its own, which tells its children's times as the kernel knows them. */
const cost = (command: readonly string[]): Cost => {
  const start = performance.now();
  const { stdout, stderr } = spawnSync("bash", ["-c", '"$@" 2>/dev/null; times', "bash", ...command], {
    encoding: "utf8",
  });
  const wall = (performance.now() - start) / 1000;
  const lines = stdout.trim().split("\n");
  const packets = Number.parseInt(lines[0] ?? "", 10);
  if (!Number.isInteger(packets)) throw new Error(`${command[0]}: ${stdout}${stderr}`);
  return { user: seconds((lines.at(-1) ?? "").split(" ")[0] ?? ""), wall, packets };
};
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

const [argument = "10000000"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "layang-bench-"));
try {
  const file = join(folder, "big.pcap");
  write(file, Number(argument));
  // Node's compile cache is on, filled by a first run that does not count: an installed program is compiled once.
  const own = ["env", `NODE_COMPILE_CACHE=${join(folder, "cache")}`, process.execPath, ONE, file];
  cost(own);
  const ours: Cost[] = [];
  const theirs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(cost(["tcpdump", "--count", "-r", file]));
    ours.push(cost(own));
  }
  const packets = ours[0]!.packets;
  if (packets !== theirs[0]!.packets) throw new Error(`${packets} packets, tcpdump counts ${theirs[0]!.packets}`);
  const rate = (costs: Cost[], key: "user" | "wall"): number => packets / median(costs.map((one) => one[key])) / 1e6;
  const ratio = (key: "user" | "wall"): string => median(ours.map((one, i) => theirs[i]![key] / one[key])).toFixed(2);
  console.log(`decode: ${packets} packets, ${ROUNDS} rounds in turn, whole processes`);
  for (const key of ["user", "wall"] as const) {
    const speeds = `layang ${rate(ours, key).toFixed(1)} M packets/s, tcpdump --count ${rate(theirs, key).toFixed(1)} M packets/s`;
    console.log(`decode ${key} time: ${speeds}, median ratio ${ratio(key)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
