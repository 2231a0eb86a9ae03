// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configSchema } from "../src/app/config.ts";

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
}

const whole = ({ minimum, maximum }: Node): string =>
  `whole number${minimum === undefined || maximum === undefined ? "" : `, ${minimum} to ${maximum}`}`;
const kind = (node: Node): string => {
  if (node.enum !== undefined) return node.enum.map(String).join(", ");
  if (node.anyOf?.some(({ type }) => type === "null") === true)
    return `${whole(node.anyOf.find(({ type }) => type === "integer") ?? {})}, or null`;
  if (node.anyOf !== undefined) return "`{env: NAME}` or `{file: PATH}`";
  return node.type === "integer" ? whole(node) : node.type === "array" ? "list" : (node.type ?? "");
};

const rows = (node: Node, path: string): string[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = path === "" ? key : `${path}.${key}`;
    if (child.properties !== undefined) {
      return [`| **${name}** | | | ${child.description ?? ""} |`, ...rows(child, name)];
    }
    const initial = child.default === undefined ? "" : `\`${JSON.stringify(child.default).replaceAll('"', "")}\``;
    const said = child.description ?? child.items?.description ?? "";
    return [
      `| ${name} | ${kind(child)} | ${initial} | ${said} |`,
      ...(child.items?.properties === undefined ? [] : rows(child.items, `${name}[]`)),
    ];
  });

/** docs/configuration.md, made from the schema that the program checks with. */
export const configurationDoc = (): string => `# Configuration

One YAML file, which may be empty. Unknown keys are refused with the nearest right name. Secrets never stand in the file: they are
named by environment variable or file. Relative paths start from the file's folder. \`layang check-config FILE\` checks offline,
\`layang dump-config\` prints the whole tree with its defaults. This page is made by \`node scripts/configuration-doc.ts\`; a test holds it
to the schema.

| key | value | default | what for |
|---|---|---|---|
${rows(configSchema as unknown as Node, "").join("\n")}
`;

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(import.meta.dirname, "../docs/configuration.md"), configurationDoc());
}
