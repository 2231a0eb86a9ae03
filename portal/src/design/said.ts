// SPDX-License-Identifier: Apache-2.0
import { type RefObject, useEffect, useRef, useState } from "react";

/** How long a sentence stays one that is read out after it has come, milliseconds: the browser tells of it a moment later. */
const told = 500;

/**
 * Whether what comes into a live region is read out: the first other sentence after its question has changed. Its figures then
 * move in silence, or a reader would be spoken to for as long as the page is open.
 */
export const useSaidOnce = (box: RefObject<HTMLElement | null>, question: string, there: boolean): "polite" | "off" => {
  const [said, setSaid] = useState<string>();
  const before = useRef("");
  // After every rendering: the sentence is a node of any kind, and only the page knows its words.
  useEffect(() => {
    const sentence = there ? (box.current?.textContent ?? "") : "";
    if (said === question) {
      before.current = sentence;
      return undefined;
    }
    // What still stands there answers the question before.
    if (sentence === "" || sentence === before.current) return undefined;
    const timer = setTimeout(() => setSaid(question), told);
    return () => clearTimeout(timer);
  });
  return said === question ? "off" : "polite";
};
