// SPDX-License-Identifier: Apache-2.0
import { encode } from "uqr";

/** Modules of white round the code, as ISO/IEC 18004 asks for. */
const quiet = 4;

/** A QR code as one SVG path over a square of `size` modules, the quiet zone included. */
export const qrPath = (text: string): { readonly size: number; readonly path: string } => {
  const { data, size } = encode(text, { ecc: "M", border: quiet });
  const rows = data.flatMap((row, y) =>
    row.flatMap((dark, x) => {
      if (!dark || row[x - 1] === true) return [];
      const end = row.indexOf(false, x);
      return [`M${x} ${y}h${(end < 0 ? size : end) - x}v1H${x}z`];
    }),
  );
  return { size, path: rows.join("") };
};
