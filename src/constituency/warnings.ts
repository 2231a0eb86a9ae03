// SPDX-License-Identifier: Apache-2.0
import { isBogonNetwork } from "../net/bogons.ts";
import { parsePrefix } from "../net/prefix.ts";
import type { LineError } from "./csv.ts";
import type { Wanted } from "./wanted.ts";

/** What a file may say and hardly means. `languages` are those that letters are written in. */
export const warningsOf = ({ networks, contacts }: Wanted, languages: readonly string[]): LineError[] => [
  ...networks.flatMap(({ line, record: { realm, prefix: text } }) => {
    const prefix = realm !== "" || text === null ? undefined : parsePrefix(text);
    return prefix === undefined || !isBogonNetwork(prefix)
      ? []
      : [
          {
            line,
            message: `${text} is private or reserved: outside a member's own \`realm\` no host there is ever alerted`,
          },
        ];
  }),
  ...contacts.flatMap(({ line, record: { language } }) =>
    languages.includes(language.toLowerCase().split("-")[0] ?? "")
      ? []
      : [
          {
            line,
            message: `there are no letters in "${language}" (only ${languages.join(", ")}): this contact gets English ones`,
          },
        ],
  ),
];
