// SPDX-License-Identifier: Apache-2.0

export type FileText = { readonly text: string } | { readonly fault: "utf16" | "encoding" };
/** A file's text when it is UTF-8. Any other encoding would be read as other letters, and names of people and places would be stored wrong. */
export const fileText = (bytes: Uint8Array): FileText => {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return { fault: "utf16" };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // Latin letters in UTF-16 without its mark are UTF-8 too, with a null beside each.
    return text.includes("\0") ? { fault: "utf16" } : { text };
  } catch {
    return { fault: "encoding" };
  }
};
