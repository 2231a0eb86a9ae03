// SPDX-License-Identifier: Apache-2.0
import { fill, line, utc } from "./letter.ts";
import type { LetterText } from "./letter.ts";
import { wordsOf } from "./templates/index.ts";

/** The mail with a person's one-time link. `until` is in microseconds UTC. */
export const invitationMail = (language: string, node: string, link: string, until: number): LetterText => {
  const words = wordsOf(language).invitation;
  const values = { node: line(node), link, until: utc(until) };
  return { subject: fill(words.subject, values), text: fill(words.text, values) };
};
