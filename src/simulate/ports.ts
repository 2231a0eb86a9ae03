// SPDX-License-Identifier: Apache-2.0

/** What one packet aims at: the IP protocol in the upper half, the port in the lower; port 0 with TCP or UDP is "any". */
export const aim = (protocol: number, port: number): number => (protocol << 16) | port;
export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;

/**
 * A list of 128 aims to draw from evenly, so that a draw is one look-up: weights are rounded to 1/128. Text form, for
 * example `23*10 2323 53/udp*2 any echo`.
 */
export interface Aims {
  readonly text: string;
  readonly table: Uint32Array;
}

const parseAim = (word: string): number => {
  if (word === "echo") return aim(ICMP, 8);
  if (word === "any") return aim(TCP, 0);
  if (word === "any/udp") return aim(UDP, 0);
  const match = /^(\d{1,5})(\/udp|\/tcp)?$/.exec(word);
  const port = Number(match?.[1]);
  if (match === null || port > 65535 || port === 0) throw new Error(`"${word}" is no port, for example 23 or 53/udp`);
  return aim(match[2] === "/udp" ? UDP : TCP, port);
};

/** @throws Error naming the word that is no port. */
export const parseAims = (text: string): Aims => {
  const words = text.split(" ").map((word) => {
    const [what = "", weight = "1"] = word.split("*");
    return { aim: parseAim(what), weight: Number(weight) };
  });
  const total = words.reduce((sum, { weight }) => sum + weight, 0);
  const table = new Uint32Array(128);
  let at = 0;
  let passed = 0;
  for (const word of words) {
    passed += word.weight;
    const end = Math.max(at + 1, Math.round((passed / total) * 128));
    while (at < end && at < 128) table[at++] = word.aim;
  }
  return { text, table };
};

const all = (...texts: readonly string[]): readonly Aims[] => texts.map(parseAims);

/** Ports that surveys of the Internet look at, most asked first; a survey of few ports takes some of them. */
export const surveyed = all(
  "443",
  "80",
  "22",
  "8080",
  "8443",
  "21",
  "25",
  "3389",
  "5900",
  "3306",
  "5432",
  "6379",
  "27017",
  "9200",
  "1433",
  "23",
  "161/udp",
  "53/udp",
  "123/udp",
  "echo",
  "445",
  "139",
  "110",
  "143",
  "993",
  "995",
  "465",
  "587",
  "8000",
  "8888",
  "9090",
  "2375",
  "2376",
  "5984",
  "11211",
  "1723",
  "500/udp",
  "4500/udp",
  "1194/udp",
  "5060/udp",
  "1900/udp",
  "5353/udp",
  "111",
  "2049",
  "873",
  "102",
  "502",
  "20000",
  "44818",
  "47808/udp",
  "1883",
  "8883",
  "5683/udp",
  "7547",
  "8291",
  "10001/udp",
  "4786",
  "179",
  "264",
  "3268",
  "389",
  "636",
  "88",
  "8081",
  "81",
  "8001",
  "9000",
  "10000",
  "50000",
  "60000",
).map(({ table }) => table[0]!);

export const wholePorts = all(
  "any*118 443*2 80*2 22 8080 8443 3389 any/udp*2",
  "any*96 any/udp*20 443*3 80*3 22*2 8080*2 echo*2",
  "any*128",
);

export const aims = {
  scanners: all(
    "22*10 2222*2 222",
    "3389*12 3388 3390",
    "445*8 139",
    "6379*8 2375*3 9200*2 27017*2 5432",
    "8728*6 8291*3 1723",
    "1433*6 3306*4 5432*3",
    "5900*5 5901*2 5902",
    "80*6 443*5 8080*4 8443*3 8888*2 81*2 8000",
    "23*6 22*4 2323",
    "5060/udp*9 5061",
    "any*100 22*8 80*8 443*8",
    "3128*3 8080*3 1080*3 8118 1081",
    "5038*2 5060*3 7547*2 9527",
  ),
  mirai: all(
    "23*10 2323*1",
    "23*10 2323*1",
    "23*10 2323*1 37215*2",
    "23*8 2323*1 52869*1 37215*1 5501*1",
    "23*5 22*1 80*1 8080*1 81*1",
  ),
  iot: all(
    "23*12 2323*1",
    "23*9 2323*1 60023*1",
    "23*6 22*2 5555*2",
    "5555*4 23*4 8080*1",
    "23*8 80*1 8080*1 81*1 8081*1",
  ),
  slow: all(
    "445*8 1433*1",
    "22*6 2222*1",
    "3389*6",
    "80*3 8080*2 443*3",
    "1433*4 3306*3",
    "23*3 2323*1",
    "5555*2 4899*1",
    "25*2 587*1",
  ),
  amplification: all(
    "53/udp",
    "123/udp",
    "1900/udp*4 3702/udp*2 5353/udp",
    "11211/udp",
    "389/udp",
    "161/udp*3 19/udp",
    "53/udp*3 123/udp*3 1900/udp*2 11211/udp*2 389/udp*2 111/udp*1 137/udp*1 27015/udp*1 3283/udp*1 69/udp*1",
  ),
  misconfiguration: all("443", "53/udp", "80", "123/udp", "161/udp", "5060/udp", "445", "514/udp", "8883", "1194/udp"),
} as const;
