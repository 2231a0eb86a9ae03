// SPDX-License-Identifier: Apache-2.0
import { payload, tcpOptions } from "./frames.ts";
import type { Payload, TcpOptions } from "./frames.ts";

const none = tcpOptions([]);
const mssOnly = tcpOptions([2, 4, 5, 0xb4]);
const linuxLike = (scale: number, mss = 1460): TcpOptions =>
  tcpOptions([2, 4, mss >>> 8, mss & 255, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, scale]);
const windowsLike = (scale: number, mss = 1460): TcpOptions =>
  tcpOptions([2, 4, mss >>> 8, mss & 255, 1, 3, 3, scale, 1, 1, 4, 2]);

/** How a program or system fills the IP identification of its SYNs. */
export type IpId = "random" | "zmap" | "masscan" | "counter" | "zero";

/**
 * How the packets of one program look. Values are those that the programs' public sources set and that honeypot logs
 * of p0f show; `docs/simulator.md` names them.
 */
export interface Tool {
  readonly name: string;
  /** TTL as sent. */
  readonly ttl: number;
  readonly ipId: IpId;
  readonly fragment: 0 | 0x4000;
  /** 0: drawn once a device. */
  readonly window: number;
  readonly options: TcpOptions;
  /** The sequence number is the destination address (the Mirai scanner's shortcut). */
  readonly seqIsDst: boolean;
  /** One source port for a device's whole life, as raw-socket scanners take, or a new one a packet, as systems do. */
  readonly onePort: boolean;
  readonly portLow: number;
  readonly portHigh: number;
}

const tool = (
  name: string,
  ttl: number,
  ipId: IpId,
  window: number,
  options: TcpOptions,
  more: Partial<Tool> = {},
): Tool => ({
  name,
  ttl,
  ipId,
  window,
  options,
  fragment: 0,
  seqIsDst: false,
  onePort: false,
  portLow: 1024,
  portHigh: 65535,
  ...more,
});
const df = { fragment: 0x4000 } as const;

export const tools = {
  zmap: tool("zmap", 255, "zmap", 65535, none, { portLow: 32768, portHigh: 61000 }),
  /** ZMap since 2024 draws its IP ID at random and sends an MSS. */
  zmapQuiet: tool("zmap-quiet", 255, "random", 65535, mssOnly, { portLow: 32768, portHigh: 61000 }),
  masscan: tool("masscan", 255, "masscan", 1024, none, { onePort: true, portLow: 40000, portHigh: 60000 }),
  mirai: tool("mirai", 64, "random", 0, none, { seqIsDst: true, onePort: true }),
  nmap: tool("nmap", 52, "random", 1024, mssOnly, { onePort: true, portLow: 33000, portHigh: 65000 }),
  rawBot: tool("raw-bot", 64, "random", 5840, none, { onePort: true }),
  rawBotWide: tool("raw-bot-wide", 64, "random", 65535, mssOnly),
  oldLinux: tool("linux-2.6", 64, "counter", 5840, linuxLike(2), { ...df, portLow: 32768, portHigh: 61000 }),
  embeddedLinux: tool("linux-3", 64, "counter", 14600, linuxLike(4, 1452), { ...df, portLow: 32768, portHigh: 61000 }),
  linux: tool("linux-4", 64, "counter", 29200, linuxLike(7), { ...df, portLow: 32768, portHigh: 60999 }),
  linuxNew: tool("linux-5", 64, "counter", 64240, linuxLike(7), { ...df, portLow: 32768, portHigh: 60999 }),
  windows: tool("windows-7", 128, "counter", 8192, windowsLike(8), { ...df, portLow: 49152 }),
  windowsOld: tool("windows-xp", 128, "counter", 8192, windowsLike(2, 1440), { ...df, portLow: 1025, portHigh: 5000 }),
  windowsNew: tool("windows-10", 128, "counter", 64240, windowsLike(8), { ...df, portLow: 49152 }),
} as const satisfies Record<string, Tool>;
export type ToolName = keyof typeof tools;

/** What a victim's stack answers with. */
export const replies = {
  options: [mssOnly, linuxLike(7), windowsLike(8), none] as const,
  windows: [29200, 65160, 8192, 14600] as const,
};
export const noOptions = none;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const padded = (head: Uint8Array, length: number): Uint8Array => {
  const all = new Uint8Array(length);
  all.set(head);
  return all;
};

/** The requests that probes of UDP services send, by destination port. */
export const udpProbes: ReadonlyMap<number, Payload> = new Map(
  (
    [
      [19, bytes("01")],
      // ANY for the root with EDNS0.
      [53, bytes("4a11 0100 0001 0000 0000 0001 00 00ff 0001 00 0029 1000 0000 0000 0000")],
      [69, ascii("\0\u0001a\0netascii\0")],
      [111, bytes("72fe1d13 00000000 00000002 000186a0 00000002 00000004 00000000 00000000 00000000 00000000")],
      // The monlist request.
      [123, padded(bytes("17 00 03 2a"), 8)],
      [
        137,
        bytes(
          "80f0 0010 0001 0000 0000 0000 20 434b4141414141414141414141414141 41414141414141414141414141414141 00 0021 0001",
        ),
      ],
      [161, bytes("302602010104067075626c6963a51902041a2b3c4d020100020114300b300906052b060102010500")],
      [
        389,
        bytes("30840000002d02010163840000002404000a01000a0100020100020100010100870b6f626a656374436c617373308400000000"),
      ],
      [
        1900,
        ascii('M-SEARCH * HTTP/1.1\r\nHOST:239.255.255.250:1900\r\nMAN:"ssdp:discover"\r\nMX:1\r\nST:ssdp:all\r\n\r\n'),
      ],
      [3283, bytes("0014 0001 03")],
      [3702, ascii("<:/>")],
      [
        5060,
        ascii("OPTIONS sip:100@1.1.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.1:5060;rport\r\nMax-Forwards: 70\r\n\r\n"),
      ],
      [
        5353,
        bytes(
          "0000 0000 0001 0000 0000 0000 09 5f7365727669636573 07 5f646e732d7364 04 5f756470 05 6c6f63616c 00 000c 0001",
        ),
      ],
      [10001, bytes("01 00 0000")],
      [11211, bytes("0000 0000 0001 0000 7374 6174 730d 0a")],
      [27015, bytes("ffffffff 54 536f7572636520456e67696e6520517565727900")],
      [47808, bytes("81 0a 0008 01 20 ffff 00ff")],
    ] as const
  ).map(([port, data]) => [port, payload(data)]),
);
export const emptyPayload = payload(new Uint8Array(0));
/** A ping of the BitTorrent DHT (BEP 5). */
export const dhtPing = payload(ascii("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"));
/** A ping's body: 32 letters, as one system sends, or 8 bytes, as scanners do. */
export const pingLong = payload(ascii("abcdefghijklmnopqrstuvwabcdefghi"));
export const pingShort = payload(new Uint8Array(8));
