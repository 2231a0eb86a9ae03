// SPDX-License-Identifier: Apache-2.0
import { mix } from "./random.ts";

const heads = [
  "Ar",
  "Bel",
  "Cor",
  "Dal",
  "El",
  "Fen",
  "Gal",
  "Hal",
  "Il",
  "Jor",
  "Kel",
  "Lor",
  "Mar",
  "Nor",
  "Or",
  "Pel",
];
const middles = ["a", "e", "i", "o", "u", "an", "en", "in", "on", "ur", "ala", "evi", "ira", "omo", "ulu", "asa"];
const tails = [
  "bex",
  "dane",
  "dor",
  "fyr",
  "gan",
  "hast",
  "lune",
  "mir",
  "nax",
  "pont",
  "quil",
  "rune",
  "sund",
  "thal",
  "vane",
  "wick",
];

export const networkKinds = ["access", "hosting", "mobile", "campus", "enterprise"] as const;
export type NetworkKind = (typeof networkKinds)[number];
const endings: Readonly<Record<NetworkKind, readonly string[]>> = {
  access: ["Broadband", "Fibre", "Cable", "Telecom"],
  hosting: ["Hosting", "Cloud", "Servers", "Data Centres"],
  mobile: ["Mobile", "Wireless", "Cellular", "Radio Access"],
  campus: ["University", "Institute", "Research Network", "Academy"],
  enterprise: ["Holdings", "Logistics", "Works", "Trading"],
};

/** An invented operator's name that nobody can take for a real one: every name says that it is simulated. */
export const inventedName = (seed: number, number: number, kind: NetworkKind): string => {
  const h = mix(seed, number);
  const head = heads[h & 15] ?? "";
  const middle = middles[(h >>> 4) & 15] ?? "";
  const tail = tails[(h >>> 8) & 15] ?? "";
  const ending = endings[kind][(h >>> 12) & 3] ?? "";
  return `${head}${middle}${tail} ${ending} ${((h >>> 14) % 90) + 10} (simulated)`;
};
