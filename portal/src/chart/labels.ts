// SPDX-License-Identifier: Apache-2.0
import { portName } from "../ports.ts";
import { useWords } from "../words/index.tsx";

/** How a group of a series is named: ports as CSIRTs write them, economies in the reader's language. */
export const useGroupLabel = (group: string): ((name: string, given: string) => string) => {
  const { t, f } = useWords();
  return (name, given) => {
    if (name === "other") return t.word.other;
    if (name === "" || name === "--") return t.word.unknown;
    if (group === "port") {
      const [protocol = "", port = ""] = name.split("/");
      return portName(protocol, port === "" ? null : Number(port));
    }
    if (group === "country") return f.country(name);
    if (group === "network") return given === name ? `AS${name}` : given.length > 24 ? `${given.slice(0, 23)}…` : given;
    return given;
  };
};
