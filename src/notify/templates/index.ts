// SPDX-License-Identifier: Apache-2.0
import { en } from "./en.ts";
import { id } from "./id.ts";
import { ja } from "./ja.ts";
import { th } from "./th.ts";
import type { Words } from "./words.ts";

const all: Readonly<Record<string, Words>> = { en, id, ja, th };
export const languages: readonly string[] = Object.keys(all);

/** The words of a BCP 47 tag: by its language, English where there is none. */
export const wordsOf = (tag: string): Words => all[tag.toLowerCase().split("-")[0] ?? ""] ?? en;
